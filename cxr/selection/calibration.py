"""From logits to probabilities, and from probabilities to yes or no: both fitted on validation by who makes a model.

Multilabel and binary: Platt's sigmoid per label, p = 1 / (1 + exp(-(a z + b))). Multiclass: one temperature, softmax
of z / T (Guo et al. 2017, arXiv:1706.04599). No randomness anywhere. Measures of how well it fits are here too.
"""

import math
from collections.abc import Sequence

import numpy as np

from cxr.core.files import number
from cxr.model.card import OperatingPoint, PlattScaling, TemperatureScaling
from cxr.model.probabilities import sigmoid, softmax

MIN_CASES = 5  # positives and negatives below which no slope is fitted
MIN_SLOPE = 0.01  # a slope of zero or less would turn the order round: such a label stays near its prevalence


def fit(logits: np.ndarray, targets: np.ndarray, task: str) -> PlattScaling | TemperatureScaling:
    """Calibration from logits and targets (n, labels); targets are 0 or 1, one-hot for multiclass.

    A label with fewer than 5 positives or negatives keeps slope 1 and gets an intercept only (`fitted` says which).
    """
    if task == "multiclass":
        return TemperatureScaling(method="temperature", temperature=_temperature(logits.astype(np.float64), targets))
    rows = [_platt(logits[:, i].astype(np.float64), targets[:, i] > 0.5) for i in range(logits.shape[1])]
    slopes, intercepts, fitted = zip(*rows, strict=True)
    return PlattScaling(method="platt", a=list(slopes), b=list(intercepts), fitted=list(fitted))


def operating_points(
    probabilities: np.ndarray, targets: np.ndarray, labels: Sequence[str], task: str
) -> dict[str, OperatingPoint]:
    """Label to threshold (positive at or above it), sensitivity and specificity where Youden's index is greatest.

    Probabilities and targets (n, labels). One against the rest for every task. Where a label has no positive or no
    negative: 0.5, and "n/a" for the other two.
    """
    return {label: _youden(probabilities[:, i], targets[:, i] > 0.5) for i, label in enumerate(labels)}


def _platt(scores: np.ndarray, positive: np.ndarray) -> tuple[float, float, bool]:
    """Slope, intercept and whether the slope was fitted, of one label (Platt 1999; Lin, Lin & Weng 2007).

    The targets are Platt's, (N+ + 1) / (N+ + 2) and 1 / (N- + 2): they keep separable data from an infinite slope.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    wanted = np.where(positive, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    if min(positives, negatives) < MIN_CASES or np.ptp(scores) == 0:
        return 1.0, _intercept(scores, wanted), False
    centre, spread = float(scores.mean()), float(scores.std())
    slope, intercept = _newton((scores - centre) / spread, wanted)
    slope, intercept = slope / spread, intercept - slope * centre / spread
    if slope < MIN_SLOPE:
        return MIN_SLOPE, _intercept(MIN_SLOPE * scores, wanted), False
    return float(slope), float(intercept), True


def _newton(scores: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Slope and intercept of least cross-entropy against soft targets; scores have mean 0 and deviation 1.

    By sums, not by BLAS: how BLAS splits a product over the rows follows the number of cores.
    """
    base = float(np.clip(wanted.mean(), 1e-9, 1 - 1e-9))
    slope, intercept = 0.0, math.log(base / (1 - base))
    for _ in range(100):
        move = _shortened(scores, wanted, (slope, intercept), _newton_step(scores, wanted, slope, intercept))
        slope, intercept = slope - move[0], intercept - move[1]
        if max(abs(move[0]), abs(move[1])) < 1e-10:
            break
    return slope, intercept


def _newton_step(scores: np.ndarray, wanted: np.ndarray, slope: float, intercept: float) -> tuple[float, float]:
    """Curvature's inverse times the gradient of the cross-entropy: two equations, by elimination."""
    found = sigmoid(scores * slope + intercept)
    error, weight = found - wanted, found * (1 - found)
    of_slope, of_intercept = float((error * scores).sum()), float(error.sum())
    mixed, least = float((weight * scores).sum()), 1e-9
    by_slope = float((weight * scores * scores).sum()) + least
    ratio = mixed / by_slope
    second = (of_intercept - ratio * of_slope) / (float(weight.sum()) + least - ratio * mixed)
    return (of_slope - mixed * second) / by_slope, second


def _shortened(
    scores: np.ndarray, wanted: np.ndarray, theta: tuple[float, float], step: tuple[float, float]
) -> tuple[float, float]:
    """The Newton step (slope, intercept), halved until the cross-entropy does not rise."""
    before = _cross_entropy(scores * theta[0] + theta[1], wanted)
    for halvings in range(40):
        slope, intercept = step[0] / 2**halvings, step[1] / 2**halvings
        if _cross_entropy(scores * (theta[0] - slope) + (theta[1] - intercept), wanted) <= before:
            return slope, intercept
    return 0.0, 0.0


def _cross_entropy(scores: np.ndarray, wanted: np.ndarray) -> float:
    """Sum over rows of the cross-entropy of soft targets."""
    return float((np.logaddexp(0.0, scores) - wanted * scores).sum())


def _intercept(scores: np.ndarray, wanted: np.ndarray) -> float:
    """The intercept at which the mean probability is the mean target, by bisection; 0 without rows."""
    if not len(scores):
        return 0.0
    low, high = -60.0 - float(scores.max()), 60.0 - float(scores.min())
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if sigmoid(scores + middle).mean() > wanted.mean() else (middle, high)
    return (low + high) / 2


def _temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """The temperature of least cross-entropy, by bisection on its slope in 1/T (convex there); 1 without rows."""
    if not len(logits):
        return 1.0
    reached = (logits * targets).sum(axis=1).mean()
    low, high = np.log(0.01), np.log(100.0)
    for _ in range(80):
        middle = (low + high) / 2
        expected = (softmax(logits * np.exp(middle)) * logits).sum(axis=1).mean()
        low, high = (middle, high) if expected < reached else (low, middle)
    return float(np.exp(-(low + high) / 2))


def _youden(scores: np.ndarray, positive: np.ndarray) -> OperatingPoint:
    """Threshold midway between two neighbouring scores, for one label (Youden 1950); ties go to sensitivity."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return OperatingPoint(threshold=0.5, sensitivity="n/a", specificity="n/a")
    values, group = np.unique(scores, return_inverse=True)
    at_or_above = np.bincount(group, positive, len(values))[::-1].cumsum()[::-1]
    below = np.concatenate([[0.0], np.bincount(group, ~positive, len(values)).cumsum()[:-1]])
    index = at_or_above / positives + below / negatives
    best = int(np.flatnonzero(index >= index.max() - 1e-12)[0])
    threshold = values[best] if best == 0 else (values[best - 1] + values[best]) / 2
    return OperatingPoint(
        threshold=float(threshold),
        sensitivity=number(at_or_above[best] / positives),
        specificity=number(below[best] / negatives),
    )
