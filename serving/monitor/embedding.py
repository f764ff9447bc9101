"""Many columns at once: the distance of two mean embeddings (maximum mean discrepancy) with random Fourier features.

Gretton et al. 2012 (JMLR 13), Gaussian kernel with the median distance as bandwidth; Rahimi & Recht 2007 for the
features, so that 10,000 studies cost a matrix product; the null distribution by the spectrum of the covariance of the
mean embedding (Gretton et al. 2009), summed by patient (so that studies of one patient count as what they are), its
tail by three moments (Liu, Tang & Zhang 2009).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

FREQUENCIES = 256
_SEED = 20090615
_PAIRS = 20_000  # pairs of studies behind the median distance


@dataclass(frozen=True)
class Gap:
    """`p`; `effect`: distance of the means (bias taken off) over the spread of the reference; `toward` float64 (n,):
    how much more a study of the window looks like the window than like the reference."""

    p: float
    effect: float
    toward: np.ndarray


class Embedding:
    """The reference's columns embedded: what windows are compared with."""

    def __init__(self, columns: np.ndarray, patient: np.ndarray) -> None:
        """`columns` (n, k) of the reference's n studies, `patient` int (n,). Columns that never vary are left out."""
        columns = columns.astype(np.float64)
        spread = columns.std(axis=0)
        self._used = np.flatnonzero(spread > 1e-9 * np.abs(columns).max(axis=0, initial=1e-30))
        self._centre, self._spread = columns[:, self._used].mean(axis=0), spread[self._used]
        self._scaled, self._patient = self._standard(columns), patient

    def __bool__(self) -> bool:
        """Whether there is anything to compare by: two patients and a column that varies."""
        return len(self._used) > 0 and len(np.unique(self._patient)) > 1

    def gap(self, columns: np.ndarray) -> Gap:
        """Compare with a window's columns (m, k)."""
        window = self._embedded(self._standard(columns))
        difference = window.mean(axis=0) - self._mean
        found, scale = float(difference @ difference), 1 + len(self._scaled) / len(window)
        expected = scale * float(self._spectrum.sum())
        effect = np.sqrt(max(0.0, found - expected) / max(1e-12, 1 - float(self._mean @ self._mean)))
        return Gap(weighted_chi2_tail(found / scale, self._spectrum), float(effect), window @ difference)

    def _standard(self, columns: np.ndarray) -> np.ndarray:
        standard: np.ndarray = (columns[:, self._used].astype(np.float64) - self._centre) / self._spread
        return standard

    def _embedded(self, scaled: np.ndarray) -> np.ndarray:
        """Fourier features (n, 2 FREQUENCIES) of standardised columns; a product of two is the kernel, about."""
        angles = scaled @ self._directions
        return np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / np.sqrt(FREQUENCIES)

    @cached_property
    def _directions(self) -> np.ndarray:
        random = np.random.default_rng(_SEED)
        first, second = random.integers(0, len(self._scaled), (2, _PAIRS))
        apart = np.linalg.norm(self._scaled[first] - self._scaled[second], axis=1)
        bandwidth = float(np.median(apart[first != second]))
        directions: np.ndarray = random.standard_normal((len(self._used), FREQUENCIES)) / (bandwidth or 1.0)
        return directions

    @cached_property
    def _mean(self) -> np.ndarray:
        mean: np.ndarray = self._embedded(self._scaled).mean(axis=0)
        return mean

    @cached_property
    def _spectrum(self) -> np.ndarray:
        """Eigenvalues of the covariance of the reference's mean embedding, patients being the independent units."""
        away = self._embedded(self._scaled) - self._mean
        patients, index = np.unique(self._patient, return_inverse=True)
        sums = np.zeros((len(patients), away.shape[1]))
        np.add.at(sums, index, away)
        gram = sums @ sums.T if len(patients) < sums.shape[1] else sums.T @ sums
        values: np.ndarray = np.linalg.eigvalsh(gram).clip(min=0) / len(away) ** 2
        return values * len(patients) / (len(patients) - 1)


def weighted_chi2_tail(value: float, weights: np.ndarray) -> float:
    """P(sum of weights x chi-squared(1) > value), weights not negative: three moments fitted (Liu, Tang & Zhang)."""
    first, second, third = (float((weights**power).sum()) for power in (1, 2, 3))
    if not second:
        return 1.0
    freedom = second**3 / third**2
    return float(stats.chi2.sf((value - first) / np.sqrt(2 * second) * np.sqrt(2 * freedom) + freedom, freedom))
