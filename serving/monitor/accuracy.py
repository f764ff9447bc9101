"""How well the model still separates: measured where labels came, estimated from its probabilities where none did.

Measured: AUROC of each label and their mean against the reference's, one-sided, with standard errors by bootstrap (the
reference's by patient, its 95 % interval stands beside it; never less than an AUROC shared by both would have there by
Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747); the window's are widened by what drawing patients instead of
images adds on the reference, since its patients are not known. Estimated: every study counts as positive with its
calibrated probability (Guillory et al. 2021 and NannyML's CBPE); that holds where the probabilities still hold, so it
is reported and never judged by.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from cxr.metrics import intervals
from cxr.selection import auroc
from serving.monitor.rule import DriftComparison
from serving.monitor.window import StudyArrays

_SEED, _RESAMPLES = 19, 200
_MOST = 2000  # labelled studies behind the window's standard error, which falls with the root of their number


@dataclass(frozen=True)
class Sampled:
    """AUROCs of the reference: `cases` int (labels,), the rarer class, and `others`, the commoner; `found` float64
    (labels,); `patients`, `images` float64 (resamples, labels): drawn by patient and by image."""

    cases: np.ndarray
    others: np.ndarray
    found: np.ndarray
    patients: np.ndarray
    images: np.ndarray


def sample(reference: StudyArrays, patient: np.ndarray, task: str) -> Sampled:
    """Compute them once for a model; `patient` int (n,)."""
    scores = auroc.scores(reference.logits, task)
    by_patient, by_image = (
        _replicates(reference.targets, scores, units) for units in (patient, np.arange(len(reference)))
    )
    cases = _cases(reference.targets)
    others = np.isfinite(reference.targets).sum(axis=0) - cases
    return Sampled(cases, others, by_patient[0], by_patient[1:], by_image[1:])


def compare(
    sampled: Sampled, window: StudyArrays, labels: Sequence[str], task: str, *, floor: float, least: int
) -> Iterator[DriftComparison]:
    """A comparison for each label with at least `least` labelled positives and negatives on both sides, and `macro`
    over them where there are several; nothing where no label has enough."""
    known = np.isfinite(window.targets).any(axis=1)
    cases = _cases(window.targets[known])
    judged = np.flatnonzero((cases >= least) & (sampled.cases >= least))
    if not len(judged):
        return
    targets, scores = window.targets[known][:, judged], auroc.scores(window.logits, task)[known][:, judged]
    now = np.concatenate(
        [
            _replicates(targets, scores, np.arange(len(targets)), 0),
            _replicates(targets[:_MOST], scores[:_MOST], np.arange(len(targets[:_MOST])))[1:],
        ]
    )
    smaller = min(1.0, float(np.sqrt(_MOST / len(targets))))
    columns = [([position], f"AUROC {labels[i]}") for position, i in enumerate(judged)]
    columns += [(list(range(len(judged))), "AUROC macro")] if len(judged) > 1 else []
    for positions, name in columns:
        chosen = judged[positions]
        before, after = float(sampled.found[chosen].mean()), float(now[0, positions].mean())
        by_patient, by_image = _error(sampled.patients[:, chosen]), _error(sampled.images[:, chosen])
        widened = max(1.0, by_patient / by_image) if by_image else 1.0
        error = max(_error(now[1:, positions]) * smaller * widened, 0.5 / int(cases[chosen].max()))
        shared = _pooled(sampled, chosen, cases[chosen], now[0, positions])
        own = max(by_patient, widened * _error_at(shared, sampled.cases[chosen], sampled.others[chosen]))
        p = float(stats.norm.sf((before - after) / np.hypot(own, error)))
        yield DriftComparison(
            name,
            "accuracy",
            "drop",
            before - after,
            floor,
            p,
            before,
            after,
            interval=_interval(sampled.patients[:, chosen]),
        )


def _pooled(sampled: Sampled, chosen: np.ndarray, cases: np.ndarray, found: np.ndarray) -> np.ndarray:
    """AUROC of each chosen label if reference and window had the same, by their cases; float64 (chosen,)."""
    before = sampled.cases[chosen]
    pooled: np.ndarray = (sampled.found[chosen] * before + found * cases) / (before + cases)
    return pooled


def _error_at(auroc: np.ndarray, cases: np.ndarray, others: np.ndarray) -> float:
    """Standard error of the mean of AUROCs (labels,) that are truly these (Hanley & McNeil 1982).

    A resampled one is next to nothing where a few cases happen to be ranked almost perfectly: by that alone every
    larger window would seem to be worse.
    """
    likely = auroc.clip(0.5, 1.0)
    squared = likely**2
    spread = (
        likely * (1 - likely)
        + (cases - 1) * (likely / (2 - likely) - squared)
        + (others - 1) * (2 * squared / (1 + likely) - squared)
    ) / (cases * others)
    return float(np.sqrt(spread.clip(0).sum()) / len(auroc))


def estimated_auroc(scores: np.ndarray, probabilities: np.ndarray) -> float:
    """AUROC to be expected of one label (n,) if its calibrated probabilities hold; NaN without studies.

    Each study is a positive of weight p and a negative of weight 1 - p.
    """
    n = len(scores)
    if not n:
        return float("nan")
    positive = np.repeat([True, False], n)
    weights = np.concatenate([probabilities, 1 - probabilities])[None]
    return float(auroc.label_auroc(positive, np.tile(scores, 2), weights)[0])


def _cases(targets: np.ndarray) -> np.ndarray:
    """Studies of the rarer class, int (labels,), where targets (n, labels) are known."""
    cases: np.ndarray = np.minimum((targets == 1).sum(axis=0), (targets == 0).sum(axis=0))
    return cases


def _replicates(targets: np.ndarray, scores: np.ndarray, units: np.ndarray, resamples: int = _RESAMPLES) -> np.ndarray:
    """AUROC (1 + resamples, labels): row 0 as measured, the others with `units` drawn again."""
    bootstrap = intervals.PatientBootstrap([str(unit) for unit in units], resamples, _SEED)
    weights = np.concatenate([np.ones((1, len(units))), *bootstrap.weights()])
    known = np.isfinite(targets)
    columns = ((targets[rows, i] > 0.5, scores[rows, i], weights[:, rows]) for i, rows in enumerate(known.T))
    return np.stack([auroc.label_auroc(*column) for column in columns], axis=1)


def _interval(replicates: np.ndarray) -> tuple[float, float] | None:
    """2.5th and 97.5th percentile of the mean over labels, from replicates (resamples, labels)."""
    means = replicates.mean(axis=1)
    defined = means[np.isfinite(means)]
    return (float(np.quantile(defined, 0.025)), float(np.quantile(defined, 0.975))) if len(defined) else None


def _error(replicates: np.ndarray) -> float:
    """Standard error of the mean over labels, from replicates (resamples, labels); 0 where none is defined."""
    means = replicates.mean(axis=1)
    defined = means[np.isfinite(means)]
    return float(defined.std()) if len(defined) else 0.0
