"""Points of the ROC and precision-recall curves and of the confusion matrices, as rows for `dvc plots`.

A curve keeps at most 200 points, spread evenly along it, both ends among them.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from cxr.core.files import number
from cxr.selection import auroc
from stages.evaluate.figures import Truth, VariantAnswers

POINTS = 200
CURVE_COLUMNS = ("variant", "label", "x", "y")
CONFUSION_COLUMNS = ("variant", "label", "actual", "predicted", "count")
ALL_CLASSES = "all"

Row = dict[str, Any]


def roc(positive: np.ndarray, score: np.ndarray) -> np.ndarray:
    """False and true positive rate at each distinct threshold, falling; float64 (points, 2), from (0, 0) to (1, 1).

    `positive` bool (n,) with both values in it, `score` (n,).
    """
    hits, misses = _cumulated(positive, score)
    points = np.stack([misses / misses[-1], hits / hits[-1]], axis=1)
    return np.concatenate([[[0.0, 0.0]], points])


def precision_recall(positive: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Recall and precision at each distinct threshold, falling; float64 (points, 2); arguments as in `roc`."""
    hits, misses = _cumulated(positive, score)
    return np.stack([hits / hits[-1], hits / (hits + misses)], axis=1)


def thinned(points: np.ndarray, most: int = POINTS) -> np.ndarray:
    """At most `most` of the points (n, 2), evenly along the curve's length (city block), ends kept."""
    if len(points) <= most:
        return points
    length = np.concatenate([[0.0], np.abs(np.diff(points, axis=0)).sum(axis=1).cumsum()])
    kept = np.searchsorted(length, np.linspace(0, length[-1], most))
    chosen: np.ndarray = points[np.unique(np.append(kept[:-1], [0, len(points) - 1]))]
    return chosen


def roc_rows(variant: str, truth: Truth, found: VariantAnswers) -> Iterator[Row]:
    """Rows of every label that has both positives and negatives: x false, y true positive rate."""
    return _rows(variant, truth, found, roc)


def precision_recall_rows(variant: str, truth: Truth, found: VariantAnswers) -> Iterator[Row]:
    """Rows of every label that has both positives and negatives: x recall, y precision."""
    return _rows(variant, truth, found, precision_recall)


def confusion_rows(variant: str, truth: Truth, found: VariantAnswers) -> Iterator[Row]:
    """Counts of (actual, predicted): classes by the likeliest one for multiclass, else yes and no for each label."""
    if truth.task == "multiclass":
        yield from _class_rows(variant, truth, found)
        return
    called = found.probabilities >= np.asarray(found.thresholds)
    for column, label in enumerate(truth.labels):
        actual, predicted = truth.targets[:, column] > 0.5, called[:, column]
        for a, known in ((True, "yes"), (False, "no")):
            for p, answer in ((True, "yes"), (False, "no")):
                yield _row(variant, label, known, answer, int(((actual == a) & (predicted == p)).sum()))


def _class_rows(variant: str, truth: Truth, found: VariantAnswers) -> Iterator[Row]:
    """The confusion matrix of a multiclass task, a row for each pair of classes."""
    actual, predicted = truth.targets.argmax(axis=1), found.probabilities.argmax(axis=1)
    size = len(truth.labels)
    table = np.bincount(actual * size + predicted, minlength=size * size).reshape(size, size)
    for a, label in enumerate(truth.labels):
        for p, other in enumerate(truth.labels):
            yield _row(variant, ALL_CLASSES, label, other, int(table[a, p]))


def _row(variant: str, label: str, actual: str, predicted: str, count: int) -> Row:
    """One row of the confusion table."""
    return dict(zip(CONFUSION_COLUMNS, (variant, label, actual, predicted, count), strict=True))


def _rows(variant: str, truth: Truth, found: VariantAnswers, curve: Any) -> Iterator[Row]:
    """Points of `curve` (ROC, precision-recall) for each label that has both positives and negatives."""
    score = auroc.scores(found.logits, truth.task)
    for column, label in enumerate(truth.labels):
        positive = truth.targets[:, column] > 0.5
        if positive.any() and not positive.all():
            for x, y in thinned(curve(positive, score[:, column])):
                yield {"variant": variant, "label": label, "x": number(x), "y": number(y)}


def _cumulated(positive: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positives and negatives at or above each distinct score, from the highest down; float64 (distinct,)."""
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits = positive[order].cumsum()[last].astype(np.float64)
    return hits, last + 1 - hits
