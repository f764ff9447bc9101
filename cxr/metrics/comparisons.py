"""Two models on the same studies: paired differences of AUROC by patient bootstrap, and of calibration. No files."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr.core.files import number
from cxr.metrics import calibration_error, intervals
from cxr.selection import auroc


@dataclass(frozen=True)
class Side:
    """One model's answers: `logits` float32 (n, labels) and calibrated `probabilities` float64 (n, labels)."""

    logits: np.ndarray
    probabilities: np.ndarray

    def part(self, rows: np.ndarray) -> "Side":
        """The answers of some rows, bool (n,)."""
        return Side(self.logits[rows], self.probabilities[rows])


@dataclass(frozen=True)
class JudgedStudies:
    """What is judged: `targets` float32 (n, labels), a patient for each row."""

    labels: tuple[str, ...]
    task: str
    targets: np.ndarray
    patients: tuple[str, ...]

    def __len__(self) -> int:
        """How many studies there are."""
        return len(self.targets)

    def part(self, rows: np.ndarray) -> "JudgedStudies":
        """The studies of the rows that are true in `rows`, bool (n,)."""
        patients = tuple(patient for patient, keep in zip(self.patients, rows, strict=True) if keep)
        return JudgedStudies(self.labels, self.task, self.targets[rows], patients)

    def judged(self, min_cases: int) -> np.ndarray:
        """Labels with enough positives and negatives, bool (labels,)."""
        positives = (self.targets > 0.5).sum(axis=0)
        enough: np.ndarray = np.minimum(positives, len(self.targets) - positives) >= min_cases
        return enough


@dataclass(frozen=True)
class Difference:
    """Challenger minus champion in AUROC: point, one-sided lower and upper bound. NaN where it can't be had."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PairedComparison:
    """Of some studies: macro and per-label differences over the judged labels, both models' macro AUROC."""

    studies: int
    patients: int
    champion: float
    challenger: float
    macro: Difference
    by_label: dict[str, Difference]

    def as_json(self) -> dict[str, Any]:
        """Plain numbers, "n/a" where there is none."""
        return {
            "studies": self.studies,
            "patients": self.patients,
            "champion_auroc": number(self.champion),
            "challenger_auroc": number(self.challenger),
            "difference": _as_json(self.macro),
            "by_label": {label: _as_json(each) for label, each in self.by_label.items()},
        }


@dataclass(frozen=True)
class Hits:
    """Of the pointing game on the same studies: whether each model pointed into the box, bool (n,), and patients."""

    champion: np.ndarray
    challenger: np.ndarray
    patients: tuple[str, ...]

    def __len__(self) -> int:
        """How many studies there are."""
        return len(self.patients)

    def kept(self, fraction: float, resamples: int, seed: int, confidence: float) -> Difference:
        """The challenger's share of hits less `fraction` of the champion's, with bounds by patient bootstrap."""
        beyond = self.challenger.astype(np.float64) - fraction * self.champion.astype(np.float64)
        weights = np.concatenate(list(intervals.PatientBootstrap(self.patients, resamples, seed).weights()))
        return _bounded(float(beyond.mean()), (weights @ beyond) / weights.sum(axis=1), confidence)


def compare(
    studies: JudgedStudies,
    champion: Side,
    challenger: Side,
    min_cases: int,
    resamples: int,
    seed: int,
    confidence: float,
) -> PairedComparison:
    """Macro and per-label AUROC differences with one-sided bounds, each at `confidence`.

    The same draws of patients serve both models. Labels with fewer than `min_cases` positives or negatives are left
    out; in a resample a label without both is left out for both models.
    """
    judged = np.flatnonzero(studies.judged(min_cases)) if len(studies) else np.array([], int)
    patients = len(set(studies.patients))
    if not len(judged):
        nothing = Difference(np.nan, np.nan, np.nan)
        return PairedComparison(len(studies), patients, np.nan, np.nan, nothing, {})
    scores = [auroc.scores(side.logits, studies.task)[:, judged] for side in (champion, challenger)]
    targets = studies.targets[:, judged]
    points = [auroc.per_label(auroc.label_auroc, targets, score)[0] for score in scores]
    bootstrap = intervals.PatientBootstrap(studies.patients, resamples, seed)
    old, new = (bootstrap.replicates(auroc.label_auroc, targets, score) for score in scores)
    spread = new - old
    columns = {
        studies.labels[j]: _bounded(points[1][i] - points[0][i], spread[:, i], confidence) for i, j in enumerate(judged)
    }
    drawn = spread[np.isfinite(spread).any(axis=1)]
    macro = _bounded(float((points[1] - points[0]).mean()), np.nanmean(drawn, axis=1), confidence)
    return PairedComparison(len(studies), patients, float(points[0].mean()), float(points[1].mean()), macro, columns)


def calibration_of(studies: JudgedStudies, side: Side) -> dict[str, float]:
    """Mean over the labels of expected calibration error and Brier score; NaN without studies."""
    if not len(studies):
        return {"ece": np.nan, "brier": np.nan}
    found = calibration_error.report(side.probabilities, studies.targets, list(studies.labels), studies.task)
    return {name: float(found[name]["mean"]) for name in ("ece", "brier")}


def _bounded(value: float, replicates: np.ndarray, confidence: float) -> Difference:
    """Percentile bounds of the replicates that are defined; NaN where fewer than half are."""
    defined = replicates[np.isfinite(replicates)]
    if len(defined) * 2 < len(replicates) or not len(defined):
        return Difference(float(value), np.nan, np.nan)
    low, high = np.quantile(defined, [1 - confidence, confidence])
    return Difference(float(value), float(low), float(high))


def _as_json(difference: Difference) -> dict[str, Any]:
    """The difference and its bounds as plain numbers, "n/a" for NaN."""
    return {"value": number(difference.value), "low": number(difference.low), "high": number(difference.high)}


def macro_auroc(studies: JudgedStudies, side: Side, min_cases: int) -> float | str:
    """Macro AUROC over the labels with enough cases, "n/a" where there is none."""
    judged = np.flatnonzero(studies.judged(min_cases)) if len(studies) else np.array([], int)
    if not len(judged):
        return "n/a"
    score = auroc.scores(side.logits, studies.task)[:, judged]
    return number(auroc.per_label(auroc.label_auroc, studies.targets[:, judged], score)[0].mean())
