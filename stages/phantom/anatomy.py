"""The healthy thorax: its outlines, and its attenuation as a layer to which signs are added.

Coordinates are fractions of the image's side, x from the image's left, where the patient's right
lung lies. `side` is -1 for that lung and +1 for the patient's left. Attenuation has no unit: air
is 0, the lung about 0.45, the mediastinum about 1.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.phantom.drawing import (
    Layer,
    Mask,
    Points,
    blank,
    blurred,
    discs,
    fill,
    ribbons,
    smooth_curve,
    stroke,
)  # fmt: skip
from stages.phantom.plan import StudyPlan, stream

_WALL = np.array([[0.055, 0.13], [0.085, 0.03], [0.13, 0.0], [0.19, 0.045], [0.25, 0.16],
                  [0.30, 0.34], [0.33, 0.56], [0.343, 0.8], [0.34, 1.0]])  # fmt: skip

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
        """Points (..., 2) at `across` (0 mediastinum, 1 chest wall), `down` (0 apex, 1 base)."""
        top, bottom = self.wall[:, 1].min(), self.diaphragm[:, 1].mean()
        y = top + np.asarray(down) * (bottom - top)
        lateral = np.abs(np.interp(y, self.wall[12:, 1], self.wall[12:, 0]) - 0.5)
        medial = 0.07
        x = 0.5 + self.side * (medial + np.asarray(across) * (lateral - medial))
        return np.stack(np.broadcast_arrays(x, y), axis=-1)


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
    wall = np.stack([0.5 + side * _WALL[:, 0] * width, apex + _WALL[:, 1] * (angle - apex)], axis=1)
    wall = smooth_curve(wall, 40)
    rise = np.array([1.0, 0.42, 0.1, 0.0, 0.12, 0.3]) * sulcus
    across = np.array([0.34, 0.30, 0.24, 0.17, 0.09, 0.05]) * width
    dome_points = np.stack([0.5 + side * across, dome + rise * flat + sulcus * (1 - flat)], axis=1)
    dome_points[0, 1] = angle
    diaphragm = smooth_curve(dome_points, 24)
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


def build_anatomy(plan: StudyPlan, seed: int) -> Anatomy:
    """A patient's thorax: traits from the patient's stream, inspiration from the study's."""
    body, now = stream(seed, plan.patient, 2), stream(seed, plan.patient, 3, plan.study)
    traits, breath = body.uniform(-1, 1, 12), now.uniform(-1, 1, 4)
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


def _body(anatomy: Anatomy) -> Points:
    """The skin's outline (80, 2): neck, shoulders, trunk; wider where the patient is stouter."""
    w = anatomy.width * (1.02 + 0.05 * anatomy.habitus)
    shoulder = anatomy.apex + (-0.03 if anatomy.bedside else 0.01)
    half = np.array([[0.075, -0.1], [0.085, shoulder - 0.09], [0.2, shoulder - 0.04],
                     [0.36 * w, shoulder + 0.01], [0.47 * w, shoulder + 0.12], [0.46 * w, 0.36],
                     [0.42 * w, 0.5], [0.425 * w, 0.8], [0.44 * w, 1.1]])  # fmt: skip
    edge = smooth_curve(half, 40)
    mirrored = edge[::-1] * [-1, 1]
    return np.add(np.concatenate([edge, mirrored]), [0.5, 0])


def _wall_at(lung: Lung, y: NDArray[Any]) -> NDArray[Any]:
    """Half-width of the chest at heights y."""
    return np.abs(np.interp(y, lung.wall[12:, 1], lung.wall[12:, 0]) - 0.5)


def _posterior_ribs(anatomy: Anatomy) -> Points:
    """Nine arcs a side (18, 12, 2) from the spine over the lung to the chest wall."""
    r, i = np.linspace(0, 1, 12), np.arange(9)[:, None]
    pitch = (anatomy.base - anatomy.apex + 0.06) / 9
    start = anatomy.apex - 0.025 + i * pitch
    end = start + 0.03 + 0.011 * i
    y = start + (end - start) * r**2.2 - 0.03 * np.sin(np.pi * r**0.8)
    sides = []
    for lung in anatomy.lungs:
        x = 0.5 + lung.side * (0.035 + r * (_wall_at(lung, end) * 1.015 - 0.035))
        sides.append(np.stack([x, y], axis=2))
    return np.concatenate(sides)


def _anterior_ribs(anatomy: Anatomy) -> Points:
    """Six fainter arcs a side (12, 10, 2) that fall from the chest wall towards the sternum."""
    r, i = np.linspace(0, 1, 10), np.arange(6)[:, None]
    start = anatomy.apex + 0.085 + i * (anatomy.base - anatomy.apex) / 8.2
    y = start + (0.075 + 0.008 * i) * np.sin(0.5 * np.pi * r) ** 1.2
    sides = []
    for lung in anatomy.lungs:
        wall = _wall_at(lung, start)
        x = 0.5 + lung.side * (wall + r * (0.13 + 0.012 * i - wall))
        sides.append(np.stack([x, y], axis=2))
    return np.concatenate(sides)


def _tubes(size: int, curves: Points, width: float, cortex: float, marrow: float) -> Mask:
    """Bones as hollow tubes about curves (n, m, 2): a bright cortex about a fainter marrow."""
    canvas = fill(blank(size), ribbons(curves, width), round(cortex * UNIT))
    return fill(canvas, ribbons(curves, width * 0.5), round(marrow * UNIT))


def _clavicles(anatomy: Anatomy) -> Points:
    """Both clavicles (2, 24, 2): an S from the sternum to the shoulder."""
    rise = 0.0 if anatomy.bedside else 0.05
    controls = np.array([[0.035, 0.075], [0.11, 0.045], [0.2, 0.035], [0.29, 0.0], [0.37, -0.005]])
    y = anatomy.apex + controls[:, 1] + rise * (1 - controls[:, 0] / 0.37) - 0.01
    half = smooth_curve(np.stack([controls[:, 0] * anatomy.width, y], 1), 24)
    return half * np.array([[[-1, 1]], [[1, 1]]]) + [0.5, 0]


def _scapulae(anatomy: Anatomy) -> list[Points]:
    """Both shoulder blades: over the lungs in AP, swung out to the side in PA."""
    inner = 0.27 if anatomy.bedside else 0.35
    shape = np.array([[0.0, 0.06], [0.03, 0.2], [0.055, 0.32], [0.085, 0.2], [0.1, 0.08], [0.05, 0.02]])
    half = smooth_curve(np.add(shape, [inner * anatomy.width, anatomy.apex]), 40, closed=True)
    return [half * [s, 1] + [0.5, 0] for s in (-1, 1)]


def _spine(anatomy: Anatomy, size: int) -> Mask:
    """Vertebral bodies with their discs and pedicles."""
    height = (anatomy.base - anatomy.apex) / 9
    top = np.arange(-0.12, 1.0, height)[:, None]
    body = np.array([[-0.036, 0.0], [0.036, 0.0], [0.033, 0.5], [0.036, 0.84], [-0.036, 0.84], [-0.033, 0.5]])
    bodies = body * [1, height] + np.stack([np.full_like(top, 0.5), top], axis=2)
    weight = 0.085 * anatomy.bone * UNIT
    canvas = fill(blank(size), bodies, round(weight))
    for side in (-0.023, 0.023):
        centres = np.concatenate([np.full_like(top, 0.5 + side), top + 0.3 * height], axis=1)
        discs(canvas, centres, np.full(len(top), 0.007), round(1.5 * weight))
    return canvas


def _bones(anatomy: Anatomy, size: int) -> Mask:
    """Ribs, clavicles, shoulder blades and spine."""
    bone = anatomy.bone
    out = _tubes(size, _posterior_ribs(anatomy), 0.03, 0.14 * bone, 0.095 * bone)
    cv2.add(out, _tubes(size, _anterior_ribs(anatomy), 0.033, 0.07 * bone, 0.05 * bone), out)
    cv2.add(out, _tubes(size, _clavicles(anatomy), 0.033, 0.145 * bone, 0.11 * bone), out)
    cv2.add(out, fill(blank(size), _scapulae(anatomy), round(0.076 * bone * UNIT)), out)
    return cv2.add(out, _spine(anatomy, size), out)


def _branches(start: Points, heading: NDArray[np.float64], reach: NDArray[np.float64],
              rng: np.random.Generator) -> Points:  # fmt: skip
    """Wandering curves (n, 7, 2) from `start` (n, 2) that keep turning a little."""
    turns = heading[:, None] + np.cumsum(rng.normal(0, 0.19, (len(heading), 6)), axis=1)
    step = np.stack([np.cos(turns), np.sin(turns)], axis=2) * (reach[:, None, None] / 6)
    return np.concatenate([start[:, None], start[:, None] + np.cumsum(step, axis=1)], axis=1)


def _vessels(anatomy: Anatomy, rng: np.random.Generator, size: int) -> Mask:
    """Pulmonary vessels that branch from the hila and thin out towards the periphery, 0..255."""
    hila = np.repeat(anatomy.hila, 9, axis=0)
    heading = np.tile(np.linspace(-1.25, 1.3, 9), 2) + rng.normal(0, 0.1, 18)
    turn = np.where(np.arange(18) < 9, np.pi - heading, heading)
    trunks = _branches(hila, turn, rng.uniform(0.12, 0.24, 18), rng)
    forks = trunks[:, [2, 4, 5]].reshape(-1, 2)
    angles = np.repeat(turn, 3) + rng.choice([-1, 1], 54) * rng.uniform(0.3, 0.75, 54)
    twigs = _branches(forks, angles, rng.uniform(0.06, 0.14, 54), rng)
    canvas = stroke(blank(size), twigs, 0.004, 90)
    fill(canvas, ribbons(trunks, 0.006), 140)
    fill(canvas, ribbons(trunks[:, :4], 0.011), 190)
    knots = np.repeat(anatomy.hila, 3, axis=0) + rng.normal(0, 0.012, (6, 2))
    return discs(canvas, knots, np.tile([0.02, 0.017, 0.014], 2), 190)


def _breasts(anatomy: Anatomy, size: int) -> Mask:
    """Breast shadows over the lower lungs; sharp only at the lower edge."""
    low = anatomy.base + 0.02 + 0.05 * anatomy.habitus
    shape = np.array([[0.36, -0.26], [0.41, -0.1], [0.36, 0.0], [0.22, 0.02], [0.1, -0.04], [0.12, -0.16]])
    half = smooth_curve(shape * [anatomy.width, 1] + [0, low], 40, closed=True)
    outlines = [half * [s, 1] + [0.5, 0] for s in (-1, 1)]
    return blurred(fill(blank(size), outlines, round(0.09 * UNIT)), 0.018)


def attenuation(anatomy: Anatomy, rng: np.random.Generator, size: int) -> Layer:
    """The healthy thorax as a float32 layer (size, size) of attenuation.

    Summed in 8 bits, 1/160 a step (the detector's noise is larger), and softened once at the end.
    """
    density = 0.88 + 0.06 * anatomy.habitus
    out = fill(blank(size), [_body(anatomy)], round(density * UNIT))
    air = fill(blank(size), [lung.outline for lung in anatomy.lungs])
    fill(air, [anatomy.heart], 18)
    out = cv2.addWeighted(out, 1, air, -0.5 * UNIT / 255, 0)
    cv2.add(out, fill(blank(size), [anatomy.heart], round(0.06 * UNIT)), out)
    cv2.add(out, _bones(anatomy, size), out)
    vessels = cv2.multiply(_vessels(anatomy, rng, size), air, scale=1 / 255)
    out = cv2.addWeighted(out, 1, vessels, 0.26 * anatomy.vessels * UNIT / 255, 0)
    if anatomy.female:
        cv2.add(out, _breasts(anatomy, size), out)
    return blurred(out, 0.0048) * np.float32(1 / UNIT)
