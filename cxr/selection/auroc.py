"""How well scores separate positives from negatives: AUROC and AUPRC per label, with patient-wise intervals.

Weighted throughout, so that one patient bootstrap resample is one row of weights and all are computed at once. Equal
to scikit-learn's `roc_auc_score` and `average_precision_score` (tested). Nothing here reads or writes a file.
"""

from collections.abc import Callable, Sequence

import numpy as np

from cxr.core.files import number
from cxr.model.probabilities import softmax

Measure = Callable[[np.ndarray, np.ndarray, np.ndarray | None], np.ndarray]
RESERVED = ("macro", "worst")


def scores(logits: np.ndarray, task: str) -> np.ndarray:
    """What AUROC ranks: logits, or for multiclass the softmax probabilities; (n, labels)."""
    return softmax(logits) if task == "multiclass" else logits


def label_auroc(positive: np.ndarray, score: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Area under the ROC curve of one label (Mann-Whitney, ties count a half), float64 (resamples,).

    `positive` bool (n,), `score` (n,), `weights` (resamples, n) or none for one row of ones. NaN where a row has no
    positive or no negative.
    """
    hits, misses = tallies(positive, score, weights)
    below = misses.cumsum(axis=1) - misses / 2
    pairs = hits.sum(axis=1) * misses.sum(axis=1)
    return ratio((hits * below).sum(axis=1), pairs, pairs > 0)


def auroc(targets: np.ndarray, score: np.ndarray, labels: Sequence[str]) -> dict[str, float | str]:
    """`macro`, `worst` and each label's AUROC, from targets and scores (n, labels); "n/a" where not defined.

    ValueError where a score is not finite, or a label is called "macro" or "worst".
    """
    return summary(per_label(label_auroc, targets, score)[0], labels)


def counts(targets: np.ndarray, labels: Sequence[str]) -> dict[str, dict[str, int]]:
    """Positives and negatives of each label."""
    positives = (np.asarray(targets) > 0.5).sum(axis=0)
    return {
        label: {"positives": int(k), "negatives": len(targets) - int(k)}
        for label, k in zip(labels, positives, strict=True)
    }


def summary(values: np.ndarray, labels: Sequence[str]) -> dict[str, float | str]:
    """`macro` (mean of the defined), `worst` and each label from one row of per-label values; "n/a" for NaN."""
    if clash := [label for label in labels if label in RESERVED]:
        raise ValueError(f"label '{clash[0]}' has the name of a summary: rename it")
    defined = values[np.isfinite(values)]
    ends = (defined.mean(), defined.min()) if len(defined) else (np.nan, np.nan)
    return {name: number(value, 9) for name, value in zip([*RESERVED, *labels], [*ends, *values], strict=True)}


def per_label(
    measure: Measure, targets: np.ndarray, score: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """A measure of every label, float64 (resamples, labels); ValueError where a score is not finite."""
    if not np.isfinite(score).all():
        raise ValueError("a score is not finite: the model's logits are damaged, or training diverged")
    positive = np.asarray(targets) > 0.5
    return np.stack([measure(positive[:, i], score[:, i], weights) for i in range(score.shape[1])], axis=1)


def ratio(area: np.ndarray, whole: np.ndarray, defined: np.ndarray) -> np.ndarray:
    """Quotient where it is defined, NaN elsewhere, float64 (resamples,)."""
    result = np.full(len(whole), np.nan)
    np.divide(area, whole, out=result, where=defined)
    return result


def tallies(positive: np.ndarray, score: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Weight of positives and of negatives at each distinct score, rising; float64 (resamples, distinct scores)."""
    order = np.argsort(score, kind="stable")
    ordered = np.asarray(score)[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(ordered) else order
    rows = np.ones((1, len(order))) if weights is None else weights[:, order]
    if not len(order):
        return np.zeros((len(rows), 0)), np.zeros((len(rows), 0))
    hit = positive[order].astype(np.float64)
    hits = np.add.reduceat(rows * hit, starts, axis=1)
    return hits, np.add.reduceat(rows, starts, axis=1) - hits
