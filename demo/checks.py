"""How the story has to go: for each step what must be true of what came of it, and words where it is not."""

from collections.abc import Callable
from typing import Any

Steps = dict[str, dict[str, Any]]
LOSS = 0.05  # macro AUROC that the champion loses on scanner B, at least
_GAIN = 0.03  # macro AUROC that the promoted challenger wins back there, at least
_HOLD = 0.02  # macro AUROC that it may lose on scanner A, at most, on the same test studies
MINUTES = 20  # that the whole story may take on two cores


def wrong(name: str, steps: Steps) -> list[str]:
    """What is not as it should be after a step; `steps` holds its facts and those of all before it."""
    return [words for words in (_CHECKS[name](steps) if name in _CHECKS else []) if words]


def _is(name: str, key: str, expected: str) -> Callable[[Steps], str]:
    def look(steps: Steps) -> str:
        """Words where the step has something else; empty where it is right."""
        found = steps[name][key]
        return (
            ""
            if found == expected
            else f"{key}: {found} instead of {expected}; "
            + "; ".join(map(str, steps[name].get("reasons") or [steps[name].get("message", "")]))
        )

    return look


def _all(*looks: Callable[[Steps], str]) -> Callable[[Steps], list[str]]:
    return lambda steps: [look(steps) for look in looks]


def _serves(name: str, version: str) -> Callable[[Steps], list[str]]:
    return _all(_is(name, "version", version), _is(name, "stage", version))


def _loses_on_b(steps: Steps) -> str:
    truth = steps["window 4"]["truth"]
    a, b = truth["A"]["auroc"], truth["B"]["auroc"]
    return "" if a - b >= LOSS else f"the champion has {a:.3f} on A and {b:.3f} on B: it should lose {LOSS}"


def _by_drift_alone(steps: Steps) -> str:
    found = steps["retrained"]
    if not (found["cause"] or {}).get("reasons"):
        return f"the retraining was not started by drift, but by {found['cause']}"
    return "" if found["runs"] == 1 else f"{found['runs']} retrainings instead of one"


def _nobody_moved(steps: Steps) -> str:
    found = steps["retrained"]["split"]
    return "" if not found["moved"] else f"{found['moved']} of {found['patients']} patients changed their part"


def _wins(steps: Steps) -> str:
    before, after = (steps[name]["truth"]["B"]["auroc"] for name in ("window 4", "window 5"))
    return "" if after - before >= _GAIN else f"on B {before:.3f} before and {after:.3f} after: should gain {_GAIN}"


def _holds_on_a(steps: Steps) -> str:
    """The first batch is scanner A's alone: its test patients are the `old` ones of the gate's report."""
    old = steps["retrained"]["gate"]["test"]["old"]
    before, after = old["champion_auroc"], old["challenger_auroc"]
    held = isinstance(before, float) and isinstance(after, float) and after >= before - _HOLD
    return "" if held else f"on A's test studies {before} before and {after} after: may lose {_HOLD}"


def too_slow(seconds: float) -> str:
    """Words where the whole story took longer than it may; empty where it did not."""
    return f"it took {seconds / 60:.1f} minutes, and may take {MINUTES}" if seconds > MINUTES * 60 else ""


def _retrained(steps: Steps) -> list[str]:
    looks = _all(_is("retrained", "state", "Promoted"), _by_drift_alone, _nobody_moved, _holds_on_a)
    return [*looks(steps), *_serves("retrained", "v0.0.2")(steps)]


def _poisoned(steps: Steps) -> list[str]:
    unsaid = "" if steps["poisoned"]["gate"]["reasons"] else "refused without a reason"
    return [_is("poisoned", "state", "Refused")(steps), unsaid, *_serves("poisoned", "v0.0.2")(steps)]


_CHECKS: dict[str, Callable[[Steps], list[str]]] = {
    "first model": _serves("first model", "v0.0.1"),
    **{f"window {n}": _all(_is(f"window {n}", "verdict", "quiet")) for n in (1, 2, 3, 6, 7)},
    "window 4": _all(_is("window 4", "verdict", "drift"), _loses_on_b),
    "retrained": _retrained,
    "window 5": _all(_is("window 5", "verdict", "quiet"), _wins),
    "poisoned": _poisoned,
    "rollback": lambda steps: [_is("rollback", "state", "Completed")(steps), *_serves("rollback", "v0.0.1")(steps)],
    "window 8": _all(_is("window 8", "verdict", "drift")),
    "alert": _all(_is("alert", "state", "NothingTrained")),
}
