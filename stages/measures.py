"""How well scores separate positives from negatives: AUROC and AUPRC per label, with patient-wise intervals.

Weighted throughout, so that one patient bootstrap resample is one row of weights and all are computed at once. Equal
to scikit-learn's `roc_auc_score` and `average_precision_score` (tested). Nothing here reads or writes a file.
"""
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from stages.artifacts import number
from stages.calibration import softmax

Measure = Callable[[np.ndarray, np.ndarray, np.ndarray | None], np.ndarray]
RESERVED = ("macro", "worst")
_CHUNK = 4_000_000  # weights held at once (rows x images)


def scores(logits: np.ndarray, task: str) -> np.ndarray:
    """What AUROC ranks: logits, or for multiclass the softmax probabilities; (n, labels)."""
    return softmax(logits) if task == "multiclass" else logits


def label_auroc(positive: np.ndarray, score: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Area under the ROC curve of one label (Mann-Whitney, ties count a half), float64 (resamples,).

    `positive` bool (n,), `score` (n,), `weights` (resamples, n) or none for one row of ones. NaN where a row has no
    positive or no negative.
    """
    hits, misses = _tallies(positive, score, weights)
    below = misses.cumsum(axis=1) - misses / 2
    pairs = hits.sum(axis=1) * misses.sum(axis=1)
    return _over((hits * below).sum(axis=1), pairs, pairs > 0)


def label_auprc(positive: np.ndarray, score: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Average precision of one label, sum of (R_k - R_k-1) P_k; arguments, shape and NaN as in `label_auroc`."""
    hits, misses = (tally[:, ::-1] for tally in _tallies(positive, score, weights))
    found = hits.cumsum(axis=1)
    called = found + misses.cumsum(axis=1)
    precision = np.divide(found, called, out=np.zeros_like(called), where=called > 0)
    total, others = hits.sum(axis=1), misses.sum(axis=1)
    area = (hits * precision).sum(axis=1)
    return _over(area, total, (total > 0) & (others > 0))


def auroc(targets: np.ndarray, score: np.ndarray, labels: Sequence[str]) -> dict[str, float | str]:
    """`macro`, `worst` and each label's AUROC, from targets and scores (n, labels); "n/a" where not defined.

    ValueError where a score is not finite, or a label is called "macro" or "worst".
    """
    return summary(per_label(label_auroc, targets, score)[0], labels)


def auprc(targets: np.ndarray, score: np.ndarray, labels: Sequence[str]) -> dict[str, float | str]:
    """`macro`, `worst` and each label's average precision; as `auroc`."""
    return summary(per_label(label_auprc, targets, score)[0], labels)


def counts(targets: np.ndarray, labels: Sequence[str]) -> dict[str, dict[str, int]]:
    """Positives and negatives of each label."""
    positives = (np.asarray(targets) > 0.5).sum(axis=0)
    return {label: {"positives": int(k), "negatives": len(targets) - int(k)}
            for label, k in zip(labels, positives, strict=True)}


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


class PatientBootstrap:
    """Resamples of patients with replacement; a patient's images come and go together.

    The same (patients, resamples, seed) give the same draws, so that two variants are compared pair by pair.
    """

    def __init__(self, patients: Sequence[str], resamples: int, seed: int) -> None:
        """`patients`: one name an image. Draws are made once, here."""
        names, self._place = np.unique(np.asarray(patients, dtype=object).astype(str), return_inverse=True)
        generator = np.random.default_rng(seed)
        draws = [np.bincount(generator.integers(0, len(names), len(names)), minlength=len(names))
                 for _ in range(resamples)]
        self._draws = np.array(draws, np.uint16).reshape(resamples, len(names))

    def weights(self) -> Iterator[np.ndarray]:
        """How often each image is drawn, float64 (some resamples, images), in chunks that fit in memory."""
        rows = max(1, _CHUNK // max(1, len(self._place)))
        for start in range(0, len(self._draws), rows):
            yield self._draws[start:start + rows][:, self._place].astype(np.float64)

    def replicates(self, measure: Measure, targets: np.ndarray, score: np.ndarray) -> np.ndarray:
        """The measure of every label in every resample, float64 (resamples, labels), NaN where not defined."""
        rows = [per_label(measure, targets, score, weights) for weights in self.weights()]
        return np.concatenate(rows) if rows else np.empty((0, score.shape[1]))


def with_summaries(replicates: np.ndarray, defined: np.ndarray) -> np.ndarray:
    """Columns macro and worst put before the labels' own, (resamples, 2 + labels).

    `defined` bool (labels,): the labels that have a value on the whole test split. A resample in which one of them
    has none gives no macro and no worst, as leaving it out would compare different sets of labels.
    """
    used = replicates[:, defined]
    if not used.shape[1]:
        return np.concatenate([np.full((len(replicates), 2), np.nan), replicates], axis=1)
    return np.concatenate([used.mean(axis=1, keepdims=True), used.min(axis=1, keepdims=True), replicates], axis=1)


def intervals(replicates: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, float | str]]:
    """95 % percentile interval of each column as {"low", "high"}; "n/a" where under half the resamples have a value."""
    result: dict[str, dict[str, float | str]] = {}
    for column, name in enumerate(names):
        values = replicates[:, column]
        values = values[np.isfinite(values)]
        enough = len(values) and len(values) * 2 >= len(replicates)
        low, high = np.percentile(values, [2.5, 97.5]) if enough else (np.nan, np.nan)
        result[name] = {"low": number(low, 9), "high": number(high, 9)}
    return result


def at_threshold(
    probabilities: np.ndarray, targets: np.ndarray, thresholds: Sequence[float], labels: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Each label's 2x2 table and what follows from it, positive at or above its threshold; "n/a" for 0 / 0."""
    called = probabilities >= np.asarray(thresholds, np.float64)
    positive = np.asarray(targets) > 0.5
    return {label: _two_by_two(called[:, i], positive[:, i]) | {"threshold": float(thresholds[i])}
            for i, label in enumerate(labels)}


def _two_by_two(called: np.ndarray, positive: np.ndarray) -> dict[str, Any]:
    """tp, fp, tn, fn and sensitivity, specificity, precision, f1 of one label; both arguments bool (n,)."""
    tp, fp = int((called & positive).sum()), int((called & ~positive).sum())
    fn, tn = int((~called & positive).sum()), int((~called & ~positive).sum())
    return {"tp": tp, "fp": fp, "tn": tn, "fn": fn, "sensitivity": _part(tp, tp + fn),
            "specificity": _part(tn, tn + fp), "precision": _part(tp, tp + fp), "f1": _part(2 * tp, 2 * tp + fp + fn)}


def _part(count: int, whole: int) -> float | str:
    return number(count / whole) if whole else "n/a"


def _over(area: np.ndarray, whole: np.ndarray, defined: np.ndarray) -> np.ndarray:
    """Quotient where it is defined, NaN elsewhere, float64 (resamples,)."""
    result = np.full(len(whole), np.nan)
    np.divide(area, whole, out=result, where=defined)
    return result


def _tallies(positive: np.ndarray, score: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
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
