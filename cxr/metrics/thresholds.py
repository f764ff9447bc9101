"""What follows from a yes or no at a threshold: two-by-two tables and the rates that are read off them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cxr.core.files import number


def at_threshold(
    probabilities: np.ndarray, targets: np.ndarray, thresholds: Sequence[float], labels: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Each label's 2x2 table and what follows from it, positive at or above its threshold; "n/a" for 0 / 0."""
    called = probabilities >= np.asarray(thresholds, np.float64)
    positive = np.asarray(targets) > 0.5
    return {
        label: _two_by_two(called[:, i], positive[:, i]) | {"threshold": float(thresholds[i])}
        for i, label in enumerate(labels)
    }


def _two_by_two(called: np.ndarray, positive: np.ndarray) -> dict[str, Any]:
    """tp, fp, tn, fn and sensitivity, specificity, precision, f1 of one label; both arguments bool (n,)."""
    tp, fp = int((called & positive).sum()), int((called & ~positive).sum())
    fn, tn = int((~called & positive).sum()), int((~called & ~positive).sum())
    return {
        "tp": tp,
        "fp": fp,
        "tn": tn,
        "fn": fn,
        "sensitivity": _part(tp, tp + fn),
        "specificity": _part(tn, tn + fp),
        "precision": _part(tp, tp + fp),
        "f1": _part(2 * tp, 2 * tp + fp + fn),
    }


def _part(count: int, whole: int) -> float | str:
    """`count / whole`; "n/a" for 0 / 0."""
    return number(count / whole) if whole else "n/a"
