"""Which stages may run now."""

from flows.repo import status


def test_ready_are_stale_stages_below_which_nothing_is_open() -> None:
    def step(address: str, *upstream: str, stale: str = "") -> status.Step:
        return status.Step(address, upstream, (), (), False, stale)

    steps = [
        step("a", stale="x"),
        step("b", "a", stale="x"),
        step("c", "b", stale="x"),
        step("d", stale="x"),
        step("e"),
        step("f", "e", stale="x"),
    ]
    assert [s.address for s in status.ready(steps, set())] == ["a", "d", "f"]
    assert [s.address for s in status.ready(steps, {"a"})] == ["d", "f"]
    fresh = [step("a"), step("b", "a"), step("c", "b", stale="x")]
    assert [s.address for s in status.ready(fresh, {"a"})] == [], "c hangs on a through b"
