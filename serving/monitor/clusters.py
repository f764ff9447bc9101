"""Studies of one patient resemble each other: how much less they tell than as many patients would.

The design effect (Kish 1965) is 1 + (m - 1) rho, with m the size of the patient that a random study belongs to and rho
the intraclass correlation of the ranks. Tests divide their sample sizes by it. It is measured on the reference, where
patients are known, and taken for the window too, where they are not.
"""

import numpy as np
from scipy import stats


def design_effect(values: np.ndarray, patient: np.ndarray) -> float:
    """At least 1, for values (n,) of studies whose patients are numbered in `patient` int (n,).

    Ranks make it fit the Kolmogorov-Smirnov distance, which knows order alone. 1 where all values are equal or no
    patient has two studies.
    """
    ranks = stats.rankdata(values)
    ranks -= ranks.mean()
    size = np.bincount(patient)
    if not ranks.any() or size.max() == 1:
        return 1.0
    return max(1.0, 1 + (float((size**2).sum() / size.sum()) - 1) * _intraclass(ranks, patient, size))


def _intraclass(values: np.ndarray, patient: np.ndarray, size: np.ndarray) -> float:
    """Intraclass correlation by one-way analysis of variance with patients of unequal size (Donner 1986)."""
    patients, studies = len(size), len(values)
    if patients < 2 or studies == patients:
        return 0.0
    means = np.bincount(patient, values) / size
    between = float((size * means**2).sum()) / (patients - 1)
    within = float(((values - means[patient]) ** 2).sum()) / (studies - patients)
    typical = (studies - float((size**2).sum()) / studies) / (patients - 1)
    return (between - within) / (between + (typical - 1) * within)
