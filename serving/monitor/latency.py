"""Is scoring slower than it was at promotion, on this machine? The share of studies beyond a margin of p50 and p95.

A factor, not a hair: latencies of neighbours depend on each other, and a machine is now and then busy.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from scipy import stats

from serving.monitor.rule import DriftComparison


def compare(latency_ms: np.ndarray, reference: Mapping[str, float], factor: float) -> Iterator[DriftComparison]:
    """One comparison each for p50 and p95 (`p50_ms`, `p95_ms` of the reference); the effect is the ratio.

    Were p50 still below `factor` times what it was, at most half of the studies would lie beyond that: a binomial test,
    and a twentieth for p95. NaN in `latency_ms` (n,) is not measured; nothing where all are.
    """
    known = latency_ms[np.isfinite(latency_ms)]
    if not len(known):
        return
    for name, quantile in (("p50", 0.5), ("p95", 0.95)):
        before, now = float(reference[f"{name}_ms"]), float(np.quantile(known, quantile))
        beyond = int((known > factor * before).sum())
        p = float(stats.binomtest(beyond, len(known), 1 - quantile, alternative="greater").pvalue)
        yield DriftComparison(f"latency {name}", "latency", "ratio", now / before, factor, p, before, now)
