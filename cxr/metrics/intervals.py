"""Patient-wise intervals of per-label measures: the bootstrap that draws whole patients, and its percentiles."""

from collections.abc import Iterator, Sequence

import numpy as np

from cxr.core.files import number
from cxr.selection.auroc import Measure, per_label

_CHUNK = 4_000_000  # weights held at once (rows x images)


class PatientBootstrap:
    """Resamples of patients with replacement; a patient's images come and go together.

    The same (patients, resamples, seed) give the same draws, so that two variants are compared pair by pair.
    """

    def __init__(self, patients: Sequence[str], resamples: int, seed: int) -> None:
        """`patients`: one name an image. All resamples are drawn once, when the object is made."""
        names, self._position = np.unique(np.asarray(patients, dtype=object).astype(str), return_inverse=True)
        generator = np.random.default_rng(seed)
        draws = [
            np.bincount(generator.integers(0, len(names), len(names)), minlength=len(names)) for _ in range(resamples)
        ]
        self._draws = np.array(draws, np.uint16).reshape(resamples, len(names))

    def weights(self) -> Iterator[np.ndarray]:
        """How often each image is drawn, float64 (some resamples, images), in chunks that fit in memory."""
        rows = max(1, _CHUNK // max(1, len(self._position)))
        for start in range(0, len(self._draws), rows):
            yield self._draws[start : start + rows][:, self._position].astype(np.float64)

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
