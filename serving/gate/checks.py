"""The rule: six checks, each with what was measured, its limit and a sentence. All must hold, or the champion stays."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cxr.core.files import number
from cxr.metrics.comparisons import Hits, PairedComparison
from cxr.params.production import Gate

FEW = "too few gate studies to tell: wait for more, or raise ingest.split.gate_fraction"


@dataclass(frozen=True)
class Check:
    """One question: `passed` True, False, or None where it could not be asked and does not stand in the way."""

    name: str
    passed: bool | None
    value: Any
    limit: Any
    words: str

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; `passed` is "n/a" where it could not be asked."""
        return asdict(self) | {"passed": "n/a" if self.passed is None else self.passed}


def not_worse_on_old(old: PairedComparison, rule: Gate) -> Check:
    """Non-inferiority: the lower bound of the macro difference lies above minus the margin."""
    low, limit = old.macro.low, -rule.old_margin
    if not math.isfinite(low):
        return Check("old", False, "n/a", limit, f"old studies ({old.studies}): {FEW}")
    words = (
        f"old studies ({old.studies}): macro AUROC {old.champion:.3f} -> {old.challenger:.3f}, difference "
        f"{old.macro.value:+.3f}, not below {low:+.3f}; may lose {rule.old_margin:g}"
    )
    if low < limit and old.macro.value >= limit:
        words += f" (the interval is wide: {FEW})"
    return Check("old", low >= limit, number(low), limit, words)


def better_on_new(new: PairedComparison, old: PairedComparison, rule: Gate) -> Check:
    """Superiority: the lower bound of the macro difference lies above the gain asked for.

    Where no batch came since the champion, the same is asked on the old studies.
    """
    asked, where = (new, "new") if new.studies else (old, "old (no batch came since the champion)")
    low = asked.macro.low
    if not math.isfinite(low):
        return Check("new", False, "n/a", rule.new_gain, f"{where} studies ({asked.studies}): {FEW}")
    words = (
        f"{where} studies ({asked.studies}): macro AUROC {asked.champion:.3f} -> {asked.challenger:.3f}, "
        f"difference {asked.macro.value:+.3f}, not below {low:+.3f}; must gain more than {rule.new_gain:g}"
    )
    if low <= rule.new_gain < asked.macro.value:
        words += f" (the interval is wide: {FEW})"
    return Check("new", low > rule.new_gain, number(low), rule.new_gain, words)


def worst_label(parts: Mapping[str, PairedComparison], rule: Gate) -> Check:
    """No label may lose more than its margin, where that loss is more than chance (upper bound below zero)."""
    lost = [
        (each.value, f"{label} on {part} studies", each)
        for part, comparison in parts.items()
        for label, each in comparison.by_label.items()
    ]
    if not lost:
        return Check("worst label", False, "n/a", -rule.worst_margin, f"no label can be judged: {FEW}")
    bad = sorted(name for value, name, each in lost if value < -rule.worst_margin and each.high < 0)
    value, name, each = min(lost, key=lambda entry: entry[0])
    words = f"worst label: {name}, {value:+.3f} (at most {each.high:+.3f}); may lose {rule.worst_margin:g}"
    return Check(
        "worst label",
        not bad,
        number(value),
        -rule.worst_margin,
        words + (f"; lost for certain: {', '.join(bad)}" if bad else ""),
    )


def calibrated(parts: Mapping[str, Mapping[str, Mapping[str, float]]], rule: Gate) -> Check:
    """Neither expected calibration error nor Brier score may rise by more than its limit, on old and on new studies
    apart. `parts`: for each part that can be asked, both sides' figures; none at all is a no."""
    limits = {"ece": rule.ece_rise, "brier": rule.brier_rise}
    if not parts:
        return Check("calibration", False, "n/a", limits, f"calibration: {FEW}")
    rises = {
        part: {name: both["challenger"][name] - both["champion"][name] for name in limits}
        for part, both in parts.items()
    }
    passed = all(np.isfinite(rise) and rise <= limits[name] for each in rises.values() for name, rise in each.items())
    words = "; ".join(
        f"{part} studies: "
        + ", ".join(
            f"{name} {both['champion'][name]:.4f} -> {both['challenger'][name]:.4f} (may rise {limit:g})"
            for name, limit in limits.items()
        )
        for part, both in parts.items()
    )
    value = {part: {name: number(rise) for name, rise in each.items()} for part, each in rises.items()}
    return Check("calibration", passed, value, limits, f"calibration: {words}")


def fast(ratio: Mapping[str, float], rule: Gate) -> Check:
    """Median time of an image, challenger over champion, side by side in one run."""
    words = (
        f"latency: {ratio['median']:.2f} times the champion's ({ratio['low']:.2f} to {ratio['high']:.2f}), "
        f"may be {rule.latency_ratio:g}"
    )
    return Check("latency", ratio["median"] <= rule.latency_ratio, dict(ratio), rule.latency_ratio, words)


def explained(hits: Hits | None, rule: Gate) -> Check:
    """The share of boxed gate studies in which the finding is pointed at has not collapsed: a part of the champion's
    share is kept, or at least not certainly lost (upper bound of the paired difference not below zero)."""
    name, fraction = "explanation", rule.explanation_fraction
    if hits is None:
        return Check(name, None, "n/a", 0.0, "explanation: no gate study has a reference box, so it can't be asked")
    kept = hits.kept(fraction, rule.bootstrap, rule.seed, rule.confidence)
    champion, challenger = float(hits.champion.mean()), float(hits.challenger.mean())
    words = (
        f"explanation: {challenger:.2f} of {len(hits)} boxed gate studies hit, the champion {champion:.2f}; must "
        f"keep {fraction:g} of that: {kept.value:+.2f} beyond it (at most {kept.high:+.2f})"
    )
    return Check(
        name,
        kept.high >= 0,
        {
            "champion": number(champion),
            "challenger": number(challenger),
            "beyond": number(kept.value),
            "at_most": number(kept.high),
        },
        0.0,
        words,
    )
