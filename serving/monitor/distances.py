"""One column of the window against the same of the reference: continuous, categorical, or a rate.

Sample sizes are divided by the column's design effect (see `clusters`) before anything is called significant. Effects
are distances between 0 and 1 that do not grow with the number of studies.
"""

import numpy as np
from scipy import stats

_LEAST_EXPECTED = 5  # studies a cell, below which chi-squared's approximation is not to be trusted (Cochran 1954)
_BINS = 10


def kolmogorov_smirnov(reference: np.ndarray, window: np.ndarray, design: float) -> tuple[float, float]:
    """(distance, p) of two columns of floats; the largest difference of their distribution functions.

    Stephens's (1970) approximation, conservative where values are tied.
    """
    distance = float(stats.ks_2samp(reference, window, method="asymp").statistic)
    size = np.sqrt(len(reference) * len(window) / (len(reference) + len(window)) / design)
    return distance, float(stats.kstwobign.sf((size + 0.12 + 0.11 / size) * distance))


def categories(reference: np.ndarray, window: np.ndarray, design: float) -> tuple[float, float]:
    """(Cramer's V, p) of two columns of words; words too rare to be judged alone are taken together.

    Chi-squared over the design effect (Rao & Scott 1981); two groups by Fisher's exact test.
    """
    table = _merged(_counts(reference, window))
    if table.shape[1] < 2:
        return 0.0, 1.0
    found = stats.chi2_contingency(table, correction=False)
    effect = float(np.sqrt(found.statistic / table.sum()))
    if table.shape[1] == 2:
        return effect, float(stats.fisher_exact(np.rint(table / design).astype(int)).pvalue)
    return effect, float(stats.chi2.sf(found.statistic / design, found.dof))


def rates(reference: np.ndarray, window: np.ndarray, design: float) -> tuple[float, float]:
    """(difference of the shares, p) of two columns of booleans, by Fisher's exact test."""
    table = np.array([[column.sum(), len(column) - column.sum()] for column in (reference, window)])
    effect = abs(float(window.mean() - reference.mean()))
    return effect, float(stats.fisher_exact(np.rint(table / design).astype(int)).pvalue)


def stability_index(reference: np.ndarray, window: np.ndarray) -> float:
    """Population stability index over the reference's deciles, half a study added to each bin.

    Reported, not judged by: without drift it is about 9 (1/n + 1/m), beyond the usual 0.2 for a window of 50.
    """
    inner = np.unique(np.quantile(reference, np.linspace(0, 1, _BINS + 1)[1:-1]))
    shares = []
    for column in (reference, window):
        counts = np.bincount(np.searchsorted(inner, column, side="right"), minlength=len(inner) + 1) + 0.5
        shares.append(counts / counts.sum())
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())


def _counts(reference: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Contingency table, int (2, words), the most frequent word first."""
    words, index = np.unique(np.concatenate([reference, window]), return_inverse=True)
    table = np.stack(
        [
            np.bincount(index[: len(reference)], minlength=len(words)),
            np.bincount(index[len(reference) :], minlength=len(words)),
        ]
    )
    ordered: np.ndarray = table[:, np.argsort(-table.sum(axis=0), kind="stable")]
    return ordered


def _merged(table: np.ndarray) -> np.ndarray:
    """Columns in which fewer than 5 studies are expected are added up; the most frequent one stands alone."""
    smaller = table.sum(axis=1).min() / table.sum()
    rare = table.sum(axis=0) * smaller < _LEAST_EXPECTED
    rare[0] = False
    rest = table[:, rare].sum(axis=1, keepdims=True)
    merged: np.ndarray = np.concatenate([table[:, ~rare], rest], axis=1) if rest.sum() else table[:, ~rare]
    return merged
