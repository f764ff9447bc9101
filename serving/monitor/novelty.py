"""Studies unlike anything in the reference: a few of them move no distribution, and are still worth knowing of.

How strange a study is: its Mahalanobis distance from the reference in the image statistics and the first principal
components of the pooled features (Lee et al. 2018, arXiv:1807.03888, without classes). Compared is the share of studies
beyond the reference's own 98th percentile; the reference's distances are cross-fitted patient by patient, as a study
that helped to fit the distance would look nearer than it is.
"""

import numpy as np

_COMPONENTS, _FOLDS = 10, 10
_QUANTILE = 0.98


class Novelty:
    """How strange studies are, measured on a reference."""

    def __init__(self, statistics: np.ndarray, features: np.ndarray, patient: np.ndarray) -> None:
        """`statistics` (n, s), `features` (n, k), `patient` int (n,) of the reference's studies."""
        self._fit = _Fit(statistics, features)
        self.reference = np.zeros(len(patient))
        for fold in range(_FOLDS):
            out = patient % _FOLDS == fold
            if out.any() and not out.all():
                self.reference[out] = _Fit(statistics[~out], features[~out])(statistics[out], features[out])
        self.threshold = float(np.quantile(self.reference, _QUANTILE))

    def __call__(self, statistics: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Distances of a window's studies, float64 (m,)."""
        return self._fit(statistics, features)


class _Fit:
    """Mean and spread of some studies, and the directions in which the features vary most."""

    def __init__(self, statistics: np.ndarray, features: np.ndarray) -> None:
        joined = np.column_stack([statistics, features]).astype(np.float64)
        self._centre, spread = joined.mean(axis=0), joined.std(axis=0)
        self._scale = np.where(spread > 1e-9 * np.abs(joined).max(axis=0, initial=1e-30), spread, np.inf)
        self._own = statistics.shape[1]
        scaled = (joined - self._centre) / self._scale
        pooled = scaled[:, self._own :]
        self._directions = np.linalg.eigh(pooled.T @ pooled)[1][:, ::-1][:, :_COMPONENTS]
        reduced = self._reduced(scaled)
        self._precision = np.linalg.pinv(reduced.T @ reduced / len(reduced), rcond=1e-6, hermitian=True)

    def __call__(self, statistics: np.ndarray, features: np.ndarray) -> np.ndarray:
        joined = np.column_stack([statistics, features]).astype(np.float64)
        reduced = self._reduced((joined - self._centre) / self._scale)
        squares: np.ndarray = np.einsum("ij,jk,ik->i", reduced, self._precision, reduced, optimize=True)
        return np.sqrt(squares.clip(min=0))

    def _reduced(self, scaled: np.ndarray) -> np.ndarray:
        return np.column_stack([scaled[:, : self._own], scaled[:, self._own :] @ self._directions])
