"""One window judged by the monitor, and by the plain method that it is measured against; for the drift benchmarks."""

import numpy as np
import pandas as pd
from scipy import stats

from cxr.params.production import Monitor
from serving.monitor.compare import Prepared, compare
from serving.monitor.rule import Judged, judge
from serving.monitor.window import StudyArrays, of_log


def window(table: pd.DataFrame, prepared: Prepared, *, labelled: bool = True) -> StudyArrays:
    """Rows with the log's columns as a window; `labelled`: with feedback for each (columns target_<label>)."""
    truth = pd.DataFrame(index=table["image_id"], columns=list(prepared.labels), dtype=float)
    if labelled:
        truth[:] = table[[f"target_{label}" for label in prepared.labels]].to_numpy(float)
    return of_log(table, prepared.studies.names, prepared.labels, truth[~truth.index.duplicated()])


def judged(prepared: Prepared, window: StudyArrays, section: Monitor) -> list[Judged]:
    """All comparisons but latency, judged."""
    return judge(compare(prepared, window, None, section).comparisons, section.alpha)


def plain(prepared: Prepared, window: StudyArrays, alpha: float) -> bool:
    """Whether Kolmogorov-Smirnov on each statistic, pooled feature and probability, Bonferroni, says drift.

    The column of the largest distance has the least p, so that one alone is asked for.
    """
    old, new = (np.column_stack([s.statistics, s.features, s.probabilities]) for s in (prepared.studies, window))
    farthest = int(np.argmax([_distance(a, b) for a, b in zip(old.T, new.T, strict=True)]))
    found = stats.ks_2samp(old[:, farthest], new[:, farthest], method="asymp").pvalue
    return bool(found * old.shape[1] <= alpha)


def _distance(old: np.ndarray, new: np.ndarray) -> float:
    """Largest difference of the two columns' distribution functions."""
    values = np.sort(np.concatenate([old, new]))
    return float(
        np.abs(np.subtract(*(np.searchsorted(np.sort(x), values, side="right") / len(x) for x in (old, new)))).max()
    )
