"""One verdict from many comparisons, by the rule in params.yaml: significant after Holm's correction, and large enough.

Holm (1979) holds the chance of any false alarm below `alpha` however the comparisons depend on one another; methods
that hold the false discovery rate (Benjamini & Hochberg) allow more than that, and one verdict has one chance. The
comparisons are weighted: one that looks at all columns together has the weight of ten that look at one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr.core.files import number
from cxr.runtime.hand_over.drift_verdict import DRIFT, QUIET

KINDS = ("input", "prediction", "accuracy", "latency")


@dataclass(frozen=True)
class DriftComparison:
    """One comparison of window and reference.

    `kind` one of KINDS; `measure` says what `effect` is; `floor` is the least effect that matters; `p` the chance of
    such an effect without drift; `reference`, `window`: a typical value of each, None where there is none;
    `interval`: of the reference's value, 95 %, where it is an estimate with one.
    """

    name: str
    kind: str
    measure: str
    effect: float
    floor: float
    p: float
    reference: float | str | None = None
    window: float | str | None = None
    weight: float = 1.0
    interval: tuple[float, float] | None = None

    def words(self) -> str:
        """The comparison in a sentence, for reasons."""
        then, now = _short(self.reference), _short(self.window)
        between = "" if self.interval is None else " ({:.4g} to {:.4g})".format(*self.interval)
        values = "" if self.window is None else f": {then}{between} in the reference, {now} now"
        name = self.name if self.name.startswith(self.kind) else f"{self.kind}: {self.name}"
        return f"{name}{values} ({self.measure} {self.effect:.3g}, at least {self.floor:g} counts)"


@dataclass(frozen=True)
class Judged:
    """A comparison with its p-value corrected for all of them, and whether it says drift."""

    comparison: DriftComparison
    adjusted: float
    drifted: bool

    def entry(self) -> dict[str, Any]:
        """As it stands in verdict.json."""
        c = self.comparison
        return {
            "name": c.name,
            "kind": c.kind,
            "measure": c.measure,
            "effect": number(c.effect),
            "threshold": c.floor,
            "p": _p(c.p),
            "p_adjusted": _p(self.adjusted),
            "drifted": self.drifted,
            "reference": _value(c.reference),
            "window": _value(c.window),
            **({} if c.interval is None else {"reference_interval": [number(end) for end in c.interval]}),
        }


def judge(comparisons: Sequence[DriftComparison], alpha: float) -> list[Judged]:
    """Each comparison with its adjusted p; those that say drift first, then by p."""
    adjusted = holm([c.p for c in comparisons], [c.weight for c in comparisons])
    judged = [Judged(c, p, p <= alpha and c.effect >= c.floor) for c, p in zip(comparisons, adjusted, strict=True)]
    return sorted(judged, key=lambda j: (not j.drifted, j.comparison.p, -j.comparison.effect / j.comparison.floor))


def holm(p: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given, at most 1, with weights above 0 (Holm 1979, section 4)."""
    share = np.asarray(weights, np.float64)
    values = np.asarray(p, np.float64) / share
    order = np.argsort(values, kind="stable")
    left = share[order][::-1].cumsum()[::-1]
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.maximum.accumulate(left * values[order]), 1.0)
    return [float(value) for value in adjusted]


def verdict(judged: Sequence[Judged]) -> tuple[str, list[str]]:
    """DRIFT with a reason for each comparison that says so, or QUIET with none."""
    reasons = [j.comparison.words() for j in judged if j.drifted]
    return (DRIFT if reasons else QUIET), reasons


def _p(value: float) -> float:
    return float(f"{value:.3g}")


def _short(value: float | str | None) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _value(value: float | str | None) -> float | str | None:
    return number(value) if isinstance(value, float) else value
