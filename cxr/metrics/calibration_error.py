"""How well probabilities fit what happened: expected calibration error and Brier score. Nothing is fitted here."""

from collections.abc import Sequence

import numpy as np

from cxr.core.files import number

BINS = 15


def calibration_error(probabilities: np.ndarray, targets: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error of one column, equal-width bins (Guo et al. 2017, equation 5); NaN without rows."""
    if not len(probabilities):
        return float("nan")
    bin_of = np.minimum((probabilities * bins).astype(int), bins - 1)
    gap = np.bincount(bin_of, probabilities, bins) - np.bincount(bin_of, targets, bins)
    return float(np.abs(gap).sum() / len(probabilities))


def report(
    probabilities: np.ndarray, targets: np.ndarray, labels: Sequence[str], task: str
) -> dict[str, dict[str, float | str]]:
    """`ece` and `brier`, each per label and as `mean`; multiclass adds `top`, the error of the top class's confidence.

    Probabilities and targets (n, labels). Brier score: mean squared difference (Brier 1950).
    """
    targets = np.asarray(targets, np.float64)
    errors = [calibration_error(probabilities[:, i], targets[:, i]) for i in range(len(labels))]
    squares = ((probabilities - targets) ** 2).mean(axis=0) if len(targets) else np.full(len(labels), np.nan)
    ece = {"mean": number(float(np.mean(errors))), **{n: number(e) for n, e in zip(labels, errors, strict=True)}}
    brier = {"mean": number(squares.mean()), **{n: number(s) for n, s in zip(labels, squares, strict=True)}}
    if task == "multiclass":
        right = (probabilities.argmax(axis=1) == targets.argmax(axis=1)).astype(np.float64)
        ece["top"] = number(calibration_error(probabilities.max(axis=1), right))
    return {"ece": ece, "brier": brier}
