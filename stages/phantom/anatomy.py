"""The outlines of a healthy thorax, a patient's in one study. Draws nothing; see `thorax`.

Coordinates are fractions of the image's side, x from the image's left, where the patient's right
lung lies. `side` is -1 for that lung and +1 for the patient's left. Attenuation has no unit: air
is 0, the lung about 0.45, the mediastinum about 1.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.phantom.drawing import Points, smooth_curve
from stages.phantom.plan import StudyPlan, stream

_WALL = np.array([[0.055, 0.13], [0.085, 0.03], [0.13, 0.0], [0.19, 0.045], [0.25, 0.16],
                  [0.30, 0.34], [0.33, 0.56], [0.343, 0.8], [0.34, 1.0]])  # fmt: skip

_ACROSS = np.array([0.34, 0.30, 0.24, 0.17, 0.09, 0.05])  # of the diaphragm, from the costophrenic angle
_RISE = np.array([1.0, 0.42, 0.1, 0.0, 0.12, 0.3])

UNIT = 160  # 8-bit steps for an attenuation of 1


@dataclass(frozen=True)
class Lung:
    """One lung field: wall (n, 2) from apex to costophrenic angle, diaphragm (m, 2) from there
    to the heart, and the closed outline."""

    side: int
    wall: Points
    diaphragm: Points
    outline: Points

    def at(self, across: NDArray[Any] | float, down: NDArray[Any] | float) -> Points:
        """Points (2,) or (n, 2) at `across` (0 mediastinum, 1 chest wall), `down` (0 apex, 1 base)."""
        top, bottom = self._reach
        y = top + down * (bottom - top)
        lateral = np.abs(np.interp(y, self.wall[12:, 1], self.wall[12:, 0]) - 0.5)
        medial = 0.07
        x = 0.5 + self.side * (medial + across * (lateral - medial))
        return np.array([x, y + 0 * x]).T

    @cached_property
    def _reach(self) -> tuple[float, float]:
        """Heights of apex and base."""
        return float(self.wall[:, 1].min()), float(self.diaphragm[:, 1].mean())


@dataclass(frozen=True)
class Anatomy:
    """A patient's thorax in one study, before positioning."""

    right: Lung
    left: Lung
    heart: Points
    hila: Points
    apex: float
    base: float
    width: float
    bone: float
    vessels: float
    habitus: float
    female: bool
    bedside: bool

    @property
    def lungs(self) -> tuple[Lung, Lung]:
        """Both lungs, the patient's right one (the image's left) first."""
        return self.right, self.left


def _lung(side: int, apex: float, dome: float, width: float, flat: float, sulcus: float) -> Lung:
    """Build a lung from the height of its apex and dome, and the depth of its sulcus."""
    angle = dome + sulcus
    wall = smooth_curve(_WALL * [side * width, angle - apex] + [0.5, apex], 40)
    domed = np.empty((6, 2))
    domed[:, 0] = 0.5 + side * width * _ACROSS
    domed[:, 1] = dome + sulcus * (_RISE * flat + 1 - flat)
    domed[0, 1] = angle
    diaphragm = smooth_curve(domed, 24)
    return Lung(side, wall, diaphragm, np.concatenate([wall, diaphragm]))


def _heart(apex: float, base: float, left: float, right: float, knob: float) -> Points:
    """The closed outline (72, 2) of heart and great vessels, half-widths in sides."""
    length = base - apex
    relative = np.array([
        [-0.045, 0.02], [0.04, 0.02], [0.05, 0.18], [knob, 0.29], [0.052, 0.42],
        [0.45 * left, 0.55], [0.82 * left, 0.74], [left, 0.9], [0.75 * left, 1.05], [0.0, 1.12],
        [-0.8 * right, 1.06], [-right, 0.88], [-0.82 * right, 0.68], [-0.052, 0.46], [-0.05, 0.2],
    ])  # fmt: skip
    at = np.stack([0.5 + relative[:, 0], apex + relative[:, 1] * length], axis=1)
    return smooth_curve(at, 72, closed=True)


@lru_cache(maxsize=16)
def _traits(seed: int, patient: int) -> tuple[float, ...]:
    """Twelve traits of a patient in -1..1. Kept, as a patient's studies come together."""
    return tuple(stream(seed, patient, 2).uniform(-1, 1, 12).tolist())


def build_anatomy(plan: StudyPlan, seed: int, rng: np.random.Generator) -> Anatomy:
    """A patient's thorax: traits from the patient's stream, inspiration from the study's (`rng`)."""
    traits, breath = _traits(seed, plan.patient), rng.uniform(-1, 1, 4).tolist()
    bedside, female, years = plan.view == "AP", plan.sex == "F", (plan.age - 50) / 40
    heart_grade = plan.visibility.get("Cardiomegaly", 0.0)
    trapped = 0.5 if "Emphysema" in plan.visibility else 0.0
    apex = 0.12 + 0.025 * traits[0] + 0.012 * breath[0]
    base = 0.74 + 0.03 * traits[1] + 0.025 * breath[1] - 0.03 * bedside
    width = 1.06 + 0.07 * traits[2] - 0.04 * female
    flat = 1 - 0.3 * trapped + 0.15 * traits[3]
    sulcus = 0.085 + 0.015 * traits[4]
    left = (0.158 + 0.034 * traits[5] + 0.014 * breath[2] + 0.006 * years) * (1 + 0.12 * bedside)
    right = (0.088 + 0.014 * traits[6]) * (1 + 0.1 * bedside)
    knob = 0.066 + 0.008 * traits[7] + 0.008 * years
    grown = 1 + (0.06 + 0.08 * heart_grade) * (heart_grade > 0)
    lower = 0.012 + 0.012 * traits[8]
    middle = 0.47 * base + 0.53 * apex
    return Anatomy(
        right=_lung(-1, apex, base, width, flat, sulcus),
        left=_lung(1, apex, base + lower, width, flat, sulcus),
        heart=_heart(apex, base, left * grown, right * grown, knob),
        hila=np.array([[0.425, middle + 0.02], [0.58, middle]]),
        apex=apex, base=base, width=width,
        bone=1 - 0.2 * years + 0.2 * traits[9],
        vessels=(1 + 0.35 * traits[10]) * (1 - 0.3 * trapped),
        habitus=float(traits[11]), female=female, bedside=bedside,
    )  # fmt: skip
