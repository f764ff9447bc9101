"""Whether a variant pays: the verdict on its size, speed and AUROC, and the sentence that says so."""

from stages.evaluate import verdict
from stages.evaluate.verdict import AgainstBase


def _comparison(
    size: float = 3.7,
    speed: float = 1.0,
    auroc: tuple[float, float, float] = (-0.002, -0.006, 0.001),
    zipped: float | None = None,
) -> AgainstBase:
    low, high = speed * 0.97, speed * 1.03
    return AgainstBase(
        size,
        zipped or size,
        {"median": speed, "low": low, "high": high},
        dict(zip(("difference", "low", "high"), auroc, strict=True)),
    )


def test_smaller_but_not_faster_pays_by_size_and_says_so() -> None:
    line = verdict.message("int8", _comparison(speed=0.98))
    assert line == (
        "int8: 3.7x smaller (zipped: 3.7x smaller), 0.98x speed (no faster), AUROC -0.002 [-0.006, 0.001]: "
        "pays in size, not in speed"
    )
    assert verdict.pays(_comparison(speed=0.98)) == {
        "size": True,
        "zipped_size": True,
        "speed": False,
        "auroc": True,
        "altogether": True,
    }


def test_neither_smaller_nor_faster_does_not_pay() -> None:
    comparison = _comparison(size=1.0, speed=1.04)
    assert not verdict.pays(comparison)["altogether"]
    assert verdict.message("pruned", comparison).endswith("does not pay: neither smaller nor faster than base")


def test_pruning_that_shows_only_when_zipped_pays_by_zipped_size() -> None:
    line = verdict.message("pruned", _comparison(size=1.0, zipped=2.0, speed=0.9))
    assert "same size (zipped: 2.0x smaller), 0.90x speed (slower)" in line
    assert line.endswith("pays in zipped size, not in speed")


def test_a_variant_that_costs_too_much_auroc_does_not_pay_however_small() -> None:
    comparison = _comparison(size=10, auroc=(-0.03, -0.05, -0.02))
    assert not verdict.pays(comparison)["altogether"]
    assert "does not pay: macro AUROC falls by more than 0.01" in verdict.message("tiny", comparison)


def test_a_wide_interval_says_what_it_does_not_exclude() -> None:
    line = verdict.message("int8", _comparison(auroc=(0.001, -0.02, 0.02)))
    assert line.endswith("AUROC +0.001 [-0.020, 0.020]: pays in size, not in speed; a loss above 0.01 is not excluded")


def test_speed_counts_only_when_the_interval_is_beyond_the_margin() -> None:
    assert not verdict.pays(_comparison(speed=1.07))["speed"]
    assert verdict.pays(_comparison(speed=1.5))["speed"]


def test_an_auroc_that_cannot_be_measured_never_pays() -> None:
    comparison = AgainstBase(
        4, 4, {"median": 2.0, "low": 2.0, "high": 2.0}, {"difference": "n/a", "low": "n/a", "high": "n/a"}
    )
    assert not verdict.pays(comparison)["altogether"]
    assert "AUROC n/a [n/a, n/a]" in verdict.message("int8", comparison)


def test_a_slower_variant_is_called_so_and_pays_in_size_only() -> None:
    comparison = _comparison(size=3.6, speed=0.71)
    assert verdict.gains(comparison) == "slower here (0.71x base), 3.6x smaller"
    assert verdict.conclusion(comparison) == "pays in size, not in speed"


def test_what_is_gained_and_what_is_not_are_both_said() -> None:
    assert verdict.conclusion(_comparison(speed=1.5)) == "pays in size and speed"
    assert verdict.conclusion(_comparison(size=1.0, speed=1.5)) == "pays in speed, not in size"
    assert verdict.gains(_comparison(size=1.0, speed=1.5)) == "faster here (1.50x base), same size"


def test_the_metrics_hold_the_words_that_others_show() -> None:
    comparison = _comparison(speed=0.71)
    entry = verdict.entry("int8", comparison)
    assert entry["gains"] == verdict.gains(comparison)
    assert entry["verdict"].endswith(f": {entry['conclusion']}")
