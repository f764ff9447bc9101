"""The 14 findings: which sign shows each, how strongly, and where its boxes lie.

Signs are weakened in their lowest spatial frequencies, as multi-frequency processing on a console
does: what a finding changes is texture and edges, hardly the brightness of a whole region.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from stages.phantom import parenchyma, pleura
from stages.phantom.anatomy import Anatomy
from stages.phantom.drawing import Layer, blurred
from stages.phantom.plan import CHRONIC, FINDINGS, StudyPlan, stream

SIGNS: dict[str, parenchyma.Sign] = {
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
_FLATTENING = 0.95  # fraction of a sign's low frequencies taken away
_GAIN = 1.45  # contrast of all signs alike
_SOFTNESS = 0.0025  # how soft every sign's edges are, in sides
_EDGE = 0.25  # a box holds what exceeds this fraction of its sign's maximum


@dataclass(frozen=True)
class Extent:
    """Where one finding shows before positioning: left, top, right, bottom in pixels."""

    finding: str
    corners: tuple[int, int, int, int]


def _extent(finding: str, sign: Layer) -> Extent | None:
    """The rectangle that holds a sign's visible part, or None where nothing shows."""
    strength = np.abs(sign)
    visible = (strength > max(_EDGE * float(strength.max()), 1e-4)).astype(np.uint8)
    x, y, width, height = cv2.boundingRect(visible)
    return Extent(finding, (x, y, x + width, y + height)) if width and height else None


def add_findings(
    layer: Layer, plan: StudyPlan, anatomy: Anatomy, seed: int
) -> list[Extent]:
    """Add the planned signs to an attenuation layer in place, and return where they lie.

    Each finding draws from a stream of its own, so one more finding moves no other.
    """
    size, extents = layer.shape[0], []
    total = np.zeros_like(layer)
    for finding, grade in plan.visibility.items():
        rng = _sign_stream(plan, finding, seed)
        for sign in SIGNS[finding](anatomy, rng, size):
            total += sign * np.float32(_GAIN * grade)
            extents.append(_extent(finding, sign))
    if extents:
        layer += blurred(total, _SOFTNESS) - np.float32(_FLATTENING) * blurred(total, 0.05)
    return [extent for extent in extents if extent is not None]


def _sign_stream(plan: StudyPlan, finding: str, seed: int) -> np.random.Generator:
    """Where and how a finding shows: the same at each of a patient's studies if it is chronic."""
    study = 0 if finding in CHRONIC else plan.study
    return stream(seed, plan.patient, 4, FINDINGS.index(finding), study)
