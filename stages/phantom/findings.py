"""The 14 findings: which sign shows each, how strongly, and where its boxes lie.

Reading from anatomy alone; `render` then weakens the lowest spatial frequencies of what is drawn here.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from stages.phantom import parenchyma, pleura
from stages.phantom.anatomy import UNIT, Anatomy
from stages.phantom.drawing import Frame, Layer, Mask
from stages.phantom.plan import CHRONIC, FINDINGS, StudyPlan, stream
from stages.phantom.signs import BASE, STEPS, Sign, change

SIGNS: dict[str, Sign] = {
    "Atelectasis": parenchyma.atelectasis,
    "Cardiomegaly": pleura.cardiomegaly,
    "Consolidation": parenchyma.consolidation,
    "Edema": parenchyma.edema,
    "Effusion": pleura.effusion,
    "Emphysema": parenchyma.emphysema,
    "Fibrosis": parenchyma.fibrosis,
    "Hernia": pleura.hernia,
    "Infiltration": parenchyma.infiltration,
    "Mass": parenchyma.mass,
    "Nodule": parenchyma.nodule,
    "Pleural_Thickening": pleura.pleural_thickening,
    "Pneumonia": parenchyma.pneumonia,
    "Pneumothorax": pleura.pneumothorax,
}
_GAIN = 1.45  # contrast of all signs alike
_EDGE = 0.25  # a box holds what exceeds this fraction of its sign's maximum


@dataclass(frozen=True)
class FindingBox:
    """A finding's box in the rendered image's pixels: left, top, width, height."""

    finding: str
    x: float
    y: float
    width: float
    height: float


def _add(total: Layer, sign: Mask, weight: float) -> tuple[int, int, int, int] | None:
    """Add a sign to a layer in place, and return left, top, width and height of what one sees of it, if anything."""
    strength = change(sign)
    x, y, width, height = cv2.boundingRect(strength)
    if not (width and height):
        return None
    part = np.s_[y : y + height, x : x + width]
    total[part] += np.float32(weight) * (sign[part].astype(np.float32) - BASE)
    faint = _EDGE * int(strength[part].max())
    left, top, width, height = cv2.boundingRect(cv2.threshold(strength[part], faint, 1, cv2.THRESH_BINARY)[1])
    return x + left, y + top, width, height


def draw_findings(plan: StudyPlan, anatomy: Anatomy, frame: Frame, seed: int) -> tuple[Layer, tuple[FindingBox, ...]]:
    """The planned signs as a float32 layer (size, size) in steps of 1/UNIT, and where they lie.

    Each finding draws from a stream of its own, so one more finding moves no other.
    """
    total = np.zeros((frame.size, frame.size), np.float32)
    boxes = []
    for finding, grade in plan.visibility.items():
        rng = _sign_stream(plan, finding, seed)
        for sign in SIGNS[finding](anatomy, rng, frame):
            if extent := _add(total, sign, _GAIN * grade * UNIT / STEPS):
                boxes.append(FindingBox(finding, *map(float, extent)))
    return total, tuple(boxes)


def _sign_stream(plan: StudyPlan, finding: str, seed: int) -> np.random.Generator:
    """Where and how a finding shows: the same at each of a patient's studies if it is chronic."""
    study = 0 if finding in CHRONIC else plan.study
    return stream(seed, plan.patient, 4, FINDINGS.index(finding), study)
