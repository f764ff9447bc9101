"""Average precision per label, weighted as AUROC is. Equal to scikit-learn's `average_precision_score` (tested)."""

from collections.abc import Sequence

import numpy as np

from cxr.selection.auroc import per_label, ratio, summary, tallies


def label_auprc(positive: np.ndarray, score: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Average precision of one label, sum of (R_k - R_k-1) P_k; arguments, shape and NaN as in `label_auroc`."""
    hits, misses = (tally[:, ::-1] for tally in tallies(positive, score, weights))
    found = hits.cumsum(axis=1)
    called = found + misses.cumsum(axis=1)
    precision = np.divide(found, called, out=np.zeros_like(called), where=called > 0)
    total, others = hits.sum(axis=1), misses.sum(axis=1)
    area = (hits * precision).sum(axis=1)
    return ratio(area, total, (total > 0) & (others > 0))


def auprc(targets: np.ndarray, score: np.ndarray, labels: Sequence[str]) -> dict[str, float | str]:
    """`macro`, `worst` and each label's average precision; as `auroc`."""
    return summary(per_label(label_auprc, targets, score)[0], labels)
