"""Who comes to be imaged, when, and what there is to be seen: patients, studies and findings.

A patient's row depends on (seed, patient) alone and a study's on (seed, patient, study), so more
studies leave the earlier ones as they were. Draws nothing; see `render`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FINDINGS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis",
    "Hernia", "Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax",
)  # fmt: skip
CHRONIC = ("Cardiomegaly", "Emphysema", "Fibrosis", "Hernia", "Pleural_Thickening")

# How strongly each finding follows an illness that causes several: heart failure, infection,
# obstructive lung disease, malignancy, pleural disease. Findings of one column come together.
_LOADINGS = {
    "Atelectasis": (0.1, 0.3, 0.0, 0.2, 0.2),
    "Cardiomegaly": (0.75, 0.0, 0.0, 0.0, 0.0),
    "Consolidation": (0.0, 0.5, 0.0, 0.1, 0.0),
    "Edema": (0.75, 0.0, 0.0, 0.0, 0.0),
    "Effusion": (0.5, 0.2, 0.0, 0.3, 0.2),
    "Emphysema": (0.0, 0.0, 0.55, 0.0, 0.0),
    "Fibrosis": (0.0, 0.0, 0.3, 0.0, 0.35),
    "Hernia": (0.1, 0.0, 0.0, 0.0, 0.0),
    "Infiltration": (0.1, 0.5, 0.0, 0.0, 0.0),
    "Mass": (0.0, 0.0, 0.1, 0.55, 0.0),
    "Nodule": (0.0, 0.0, 0.0, 0.5, 0.0),
    "Pleural_Thickening": (0.0, 0.0, 0.1, 0.0, 0.5),
    "Pneumonia": (0.0, 0.6, 0.0, 0.0, 0.0),
    "Pneumothorax": (0.0, 0.0, 0.45, 0.0, 0.1),
}
_WEIGHTS = np.array([_LOADINGS[name] for name in FINDINGS])
_ALONE = np.sqrt(1 - (_WEIGHTS**2).sum(axis=1))
_IS_CHRONIC = np.isin(FINDINGS, CHRONIC)
_STUDIES_A_PATIENT = np.array([0.27, 0.28, 0.22, 0.13, 0.10])  # 1 to 5, mean 2.5
_BARELY_VISIBLE = 0.06  # fraction of findings that even a good eye may miss


class PhantomParams(Protocol):
    """The part of params.yaml's `phantom` section that this package reads."""

    @property
    def studies(self) -> int:
        """How many studies the batch holds."""

    @property
    def image_size(self) -> int:
        """Width and height of a rendered image in pixels."""

    @property
    def seed(self) -> int:
        """Of everything that is drawn by lot."""

    @property
    def label_noise(self) -> float:
        """Fraction of positive labels, and as many negatives, that are flipped."""

    @property
    def prevalence(self) -> float:
        """Of each finding, as a fraction."""

    @property
    def scanner_b_fraction(self) -> float:
        """Part of the studies that the second scanner takes."""


@dataclass(frozen=True)
class StudyPlan:
    """One study to be rendered.

    `visibility` maps each finding present to its grade in 0..1; `labels` are the findings the
    CSV names, label noise included; `study` counts from 0 (NIH's follow-up number).
    """

    patient: int
    study: int
    sex: str
    age: int
    view: str
    scanner: str
    visibility: dict[str, float]
    labels: tuple[str, ...]

    @property
    def image_index(self) -> str:
        """The image's file name, as NIH builds it."""
        return f"{self.patient:08d}_{self.study:03d}.png"


def stream(seed: int, patient: int, *key: int) -> np.random.Generator:
    """The random stream of a patient, or with a key of something of that patient's."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, patient, *key])))


@dataclass(frozen=True)
class _Patient:
    """What stays the same from study to study: (5,) illnesses, (14,) own causes and grades."""

    number: int
    sex: str
    age: int
    studies: int
    illness: NDArray[np.float64]
    own: NDArray[np.float64]
    grade: NDArray[np.float64]


def _draw_patient(seed: int, number: int) -> _Patient:
    """Draw a patient; the chronically ill are a little older than the others."""
    rng = stream(seed, number, 0)
    illness = rng.standard_normal(5)
    own = rng.standard_normal(len(FINDINGS))
    age = 50 + 16 * (0.95 * rng.standard_normal() + 0.3 * own[_IS_CHRONIC].mean())
    return _Patient(
        number=number,
        sex="M" if rng.random() < 0.55 else "F",
        age=int(np.clip(round(age), 18, 90)),
        studies=1 + int(np.searchsorted(np.cumsum(_STUDIES_A_PATIENT)[:-1], rng.random())),
        illness=illness,
        own=own,
        grade=rng.random(len(FINDINGS)),
    )


def _present(patient: _Patient, rng: np.random.Generator, prevalence: float) -> NDArray[np.bool_]:
    """Which of the 14 findings this study shows (14,): a threshold on correlated normals."""
    illness = 0.6 * patient.illness + 0.8 * rng.standard_normal(5)
    acute = _WEIGHTS @ illness + _ALONE * rng.standard_normal(len(FINDINGS))
    chronic = _WEIGHTS @ patient.illness + _ALONE * patient.own
    threshold = NormalDist().inv_cdf(1 - prevalence)
    return np.where(_IS_CHRONIC, chronic, acute) > threshold


def _grades(patient: _Patient, rng: np.random.Generator, study: int) -> NDArray[np.float64]:
    """Visibility (14,) in 0..1: chronic findings keep theirs and progress, acute ones vary."""
    fresh = rng.random(len(FINDINGS))
    kept = np.minimum(patient.grade + 0.05 * study, 1.0)
    grade = 0.5 + 0.5 * np.where(_IS_CHRONIC, kept, fresh)
    hidden = np.where(_IS_CHRONIC, patient.grade, fresh) < _BARELY_VISIBLE
    return np.where(hidden, 0.2, grade)


def _mislabel(
    present: NDArray[np.bool_], rng: np.random.Generator, noise: float, prevalence: float
) -> NDArray[np.bool_]:
    """Labels (14,) in which a fraction `noise` of positives, and as many negatives, are flipped."""
    chance = np.where(present, noise, noise * prevalence / (1 - prevalence))
    return present ^ (rng.random(len(FINDINGS)) < chance)


def _draw_study(patient: _Patient, study: int, params: PhantomParams) -> StudyPlan:
    """Plan one study of a patient."""
    rng = stream(params.seed, patient.number, 1, study)
    present = _present(patient, rng, params.prevalence)
    grades = _grades(patient, rng, study)
    labels = _mislabel(present, rng, params.label_noise, params.prevalence)
    bedside = 0.32 + 0.03 * min(int(present.sum()), 3)  # the sicker, the likelier AP
    view = "AP" if rng.random() < bedside else "PA"
    return StudyPlan(
        patient=patient.number,
        study=study,
        sex=patient.sex,
        age=min(patient.age + study // 2, 95),
        view=view,
        scanner="B" if rng.random() < params.scanner_b_fraction else "A",
        visibility={f: float(g) for f, g, p in zip(FINDINGS, grades, present, strict=True) if p},
        labels=tuple(f for f, named in zip(FINDINGS, labels, strict=True) if named),
    )


def plan_studies(params: PhantomParams, *, studies: int | None = None, first_patient: int = 1) -> Iterator[StudyPlan]:
    """Plan `studies` studies (default: `params.studies`) of patients from `first_patient` on.

    The last patient's series is cut where the count is reached.
    """
    left = params.studies if studies is None else studies
    number = first_patient
    while left > 0:
        patient = _draw_patient(params.seed, number)
        for study in range(min(patient.studies, left)):
            yield _draw_study(patient, study, params)
        left -= patient.studies
        number += 1
