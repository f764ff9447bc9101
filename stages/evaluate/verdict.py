"""Whether a compression pays: smaller or faster than base by a margin, at no more than the AUROC that it may cost.

A variant that does not pay says so in its message. The message reports; what is served is chosen on validation. These
words stand in `metrics/latency.json`; the report and the headline show them and judge nothing again.
"""

from dataclasses import dataclass
from typing import Any

GAIN_MARGIN = 0.05  # how much smaller or faster than base a variant must be for that to pay
AUROC_MARGIN = 0.01  # macro AUROC that it may cost


@dataclass(frozen=True)
class AgainstBase:
    """A variant against base: how many times smaller its file is, raw and zipped; how many times faster, as
    {"median", "low", "high"}; its AUROC minus base's, as {"difference", "low", "high"}, numbers or "n/a"."""

    size_ratio: float
    zipped_ratio: float
    speed_ratio: dict[str, float]
    auroc: dict[str, float | str]


def pays(comparison: AgainstBase) -> dict[str, bool]:
    """`size`, `zipped_size`, `speed` (the interval's low end counts), `auroc` (kept), and `altogether`."""
    least = 1 + GAIN_MARGIN
    difference = comparison.auroc["difference"]
    gains = {
        "size": comparison.size_ratio >= least,
        "zipped_size": comparison.zipped_ratio >= least,
        "speed": comparison.speed_ratio["low"] >= least,
    }
    kept = not isinstance(difference, str) and difference >= -AUROC_MARGIN
    return {**gains, "auroc": kept, "altogether": kept and any(gains.values())}


def message(name: str, comparison: AgainstBase) -> str:
    """The verdict in one line."""
    facts = [
        f"{_times(comparison.size_ratio, 'smaller', 'larger')} "
        f"(zipped: {_times(comparison.zipped_ratio, 'smaller', 'larger')})",
        f"{comparison.speed_ratio['median']:.2f}x speed ({_speed(comparison)})",
        f"AUROC {_auroc(comparison.auroc)}",
    ]
    return f"{name}: {', '.join(facts)}: {conclusion(comparison)}"


def gains(comparison: AgainstBase) -> str:
    """Speed and size for a headline: `slower here (0.71x base), 3.6x smaller`."""
    ratio = f"{comparison.speed_ratio['median']:.2f}x base"
    return f"{_speed(comparison)} here ({ratio}), {_times(comparison.size_ratio, 'smaller', 'larger')}"


def conclusion(comparison: AgainstBase) -> str:
    """Whether the variant pays, in what and in what not; or why it does not."""
    paid = pays(comparison)
    gained = [
        word
        for key, word in (("size", "size"), ("zipped_size", "zipped size"), ("speed", "speed"))
        if paid[key] and not (key == "zipped_size" and paid["size"])
    ]
    if not gained:
        return "does not pay: neither smaller nor faster than base"
    if isinstance(comparison.auroc["difference"], str):
        return "does not pay: what it costs in macro AUROC cannot be measured"
    if not paid["auroc"]:
        return f"does not pay: macro AUROC falls by more than {AUROC_MARGIN:g}"
    lacking = "" if len(gained) > 1 else ", not in size" if gained == ["speed"] else ", not in speed"
    low = comparison.auroc["low"]
    sure = not isinstance(low, str) and low >= -AUROC_MARGIN
    return f"pays in {' and '.join(gained)}{lacking}" + (
        "" if sure else f"; a loss above {AUROC_MARGIN:g} is not excluded"
    )


def _speed(comparison: AgainstBase) -> str:
    """The speed ratio's interval read as `faster`, `slower` or `no faster`."""
    if comparison.speed_ratio["low"] >= 1 + GAIN_MARGIN:
        return "faster"
    return "slower" if comparison.speed_ratio["high"] <= 1 - GAIN_MARGIN else "no faster"


def _auroc(change: dict[str, float | str]) -> str:
    """For example -0.002 [-0.006, 0.001]."""
    shown = [
        value if isinstance(value, str) else f"{value + 0.0:.3f}".replace("-0.000", "0.000")
        for value in (change["difference"], change["low"], change["high"])
    ]
    sign = "+" if not isinstance(change["difference"], str) and change["difference"] >= 0.0005 else ""
    return f"{sign}{shown[0]} [{shown[1]}, {shown[2]}]"


def _times(ratio: float, more: str, less: str) -> str:
    """A size ratio for reading, for example `3.7x smaller`; `same size` within half a percent of 1."""
    if abs(ratio - 1) < 0.005:
        return "same size"
    return f"{ratio:.1f}x {more}" if ratio > 1 else f"{1 / ratio:.2f}x {less}"


def entry(name: str, comparison: AgainstBase) -> dict[str, Any]:
    """What `metrics/latency.json` adds to a variant's times."""
    return {
        "size_ratio": round(comparison.size_ratio, 4),
        "zipped_size_ratio": round(comparison.zipped_ratio, 4),
        "pays": pays(comparison),
        "verdict": message(name, comparison),
        "gains": gains(comparison),
        "conclusion": conclusion(comparison),
    }
