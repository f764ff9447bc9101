"""What `metrics/evaluate.json` says of one variant: functions over arrays, no reading or writing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr.core.files import number
from cxr.metrics import auprc, calibration_error, intervals, thresholds
from cxr.metrics.intervals import PatientBootstrap
from cxr.model.card import ModelCard
from cxr.model.probabilities import calibrated
from cxr.selection import auroc


@dataclass(frozen=True)
class Truth:
    """The test split: labels, task, targets float32 (n, labels), patients and image ids (n,)."""

    labels: tuple[str, ...]
    task: str
    targets: np.ndarray
    patients: Sequence[str]
    image_ids: Sequence[str]

    @property
    def names(self) -> list[str]:
        """`macro`, `worst` and the labels: the columns of `VariantAnswers.auroc_replicates`."""
        return [*auroc.RESERVED, *self.labels]


@dataclass(frozen=True)
class VariantAnswers:
    """One variant's answers: logits float32 and calibrated probabilities float64 (n, labels), its operating
    thresholds (labels,), and its AUROCs in the patient resamples, float64 (resamples, 2 + labels)."""

    logits: np.ndarray
    probabilities: np.ndarray
    thresholds: Sequence[float]
    auroc_replicates: np.ndarray


def answers(truth: Truth, logits: np.ndarray, card: ModelCard, bootstrap: PatientBootstrap) -> VariantAnswers:
    """Probabilities, thresholds and resampled AUROCs of one variant's logits (n, labels) by its own card."""
    score = auroc.scores(logits, truth.task)
    return VariantAnswers(
        logits,
        calibrated(logits, card.calibration),
        card.thresholds(truth.labels),
        replicates(truth, auroc.label_auroc, score, bootstrap),
    )


def replicates(truth: Truth, measure: auroc.Measure, score: np.ndarray, bootstrap: PatientBootstrap) -> np.ndarray:
    """A measure in every patient resample, float64 (resamples, macro and worst and labels)."""
    defined = np.isfinite(auroc.per_label(measure, truth.targets, score)[0])
    return intervals.with_summaries(bootstrap.replicates(measure, truth.targets, score), defined)


def figures(truth: Truth, found: VariantAnswers, bootstrap: PatientBootstrap) -> dict[str, Any]:
    """AUROC, AUPRC, their intervals, counts, the report at thresholds, calibration; `accuracy` where it has one."""
    score = auroc.scores(found.logits, truth.task)
    precise = replicates(truth, auprc.label_auprc, score, bootstrap)
    return {
        "auroc": auroc.auroc(truth.targets, score, truth.labels),
        "auroc_interval": intervals.intervals(found.auroc_replicates, truth.names),
        "auprc": auprc.auprc(truth.targets, score, truth.labels),
        "auprc_interval": intervals.intervals(precise, truth.names),
        "counts": auroc.counts(truth.targets, truth.labels),
        "at_threshold": thresholds.at_threshold(found.probabilities, truth.targets, found.thresholds, truth.labels),
        "calibration": calibration_error.report(found.probabilities, truth.targets, truth.labels, truth.task),
        "images": len(truth.targets),
        "patients": len(set(truth.patients)),
        **accuracy(truth, found),
    }


def accuracy(truth: Truth, found: VariantAnswers) -> dict[str, float | str]:
    """`accuracy`: of the likeliest class for multiclass, at the threshold for binary; nothing for multilabel."""
    if truth.task == "multilabel":
        return {}
    if truth.task == "multiclass":
        right = found.probabilities.argmax(axis=1) == truth.targets.argmax(axis=1)
    else:
        right = (found.probabilities[:, 0] >= found.thresholds[0]) == (truth.targets[:, 0] > 0.5)
    return {"accuracy": number(right.mean()) if len(right) else "n/a"}


def difference(truth: Truth, variant: VariantAnswers, base: VariantAnswers) -> dict[str, dict[str, float | str]]:
    """AUROC of a variant minus base's, for macro, worst and each label, with the paired patient interval.

    Both were resampled with the same patients, so what the draw does to both cancels out.
    """
    ours, theirs = (
        auroc.auroc(truth.targets, auroc.scores(a.logits, truth.task), truth.labels) for a in (variant, base)
    )
    between = intervals.intervals(variant.auroc_replicates - base.auroc_replicates, truth.names)
    return {name: {"difference": _minus(ours[name], theirs[name]), **between[name]} for name in truth.names}


def _minus(ours: float | str, theirs: float | str) -> float | str:
    """A difference of two AUROCs to nine digits; "n/a" where either is."""
    return "n/a" if isinstance(ours, str) or isinstance(theirs, str) else number(ours - theirs, 9)
