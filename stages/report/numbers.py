"""How numbers are written in the report: digits, units, intervals, "n/a"."""

from collections.abc import Mapping
from typing import Any

MISSING = "n/a"


def figure(value: Any, digits: int = 3) -> str:
    """A measure with its digits; "n/a" where it is not a number."""
    return f"{value:.{digits}f}" if _number(value) else MISSING


def count(value: Any) -> str:
    """A whole number with thousands separated."""
    return f"{int(value):,}" if _number(value) else MISSING


def interval(bounds: Mapping[str, Any] | None, digits: int = 3) -> str:
    """[low, high]; empty where there is none."""
    if not bounds or not (_number(bounds.get("low")) and _number(bounds.get("high"))):
        return ""
    return f"[{bounds['low']:.{digits}f}, {bounds['high']:.{digits}f}]"


def scientific(value: Any) -> str:
    """A very small number, such as 1.2e-07."""
    return f"{value:.1e}" if _number(value) else MISSING


def signed(value: Any, digits: int = 3) -> str:
    """A difference with its sign."""
    return f"{value:+.{digits}f}" if _number(value) else MISSING


def size(value: Any) -> str:
    """Bytes in kB or MB of 1000."""
    if not _number(value):
        return MISSING
    return f"{value / 1e6:.2f} MB" if value >= 1e6 else f"{value / 1e3:.1f} kB"


def large(value: Any) -> str:
    """Multiply-adds, weights: 1.2 M, 3.4 G."""
    if not _number(value):
        return MISSING
    for unit, word in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:.1f} {word}"
    return f"{value:.0f}"


def percent(value: Any, digits: int = 0) -> str:
    """A fraction as a percentage."""
    return f"{100 * value:.{digits}f} %" if _number(value) else MISSING


def times(ratio: Mapping[str, Any] | None) -> str:
    """A speed ratio with its interval, such as 1.42x [1.39, 1.45]."""
    if not ratio or not _number(ratio.get("median")):
        return MISSING
    return f"{ratio['median']:.2f}x {interval(ratio, 2)}".strip()


def plain(label: str) -> str:
    """A label for reading: underscores as spaces."""
    return label.replace("_", " ")


def _number(value: Any) -> bool:
    """Whether a value is a number; a bool is not one."""
    return isinstance(value, int | float) and not isinstance(value, bool)
