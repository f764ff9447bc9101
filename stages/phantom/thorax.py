"""The attenuation of a healthy thorax: skin, lungs, heart, bones and vessels.

Summed in 8 bits, 1/UNIT a step (the detector's noise is larger), and softened once, at the end.
"""

import cv2
import numpy as np

from stages.phantom.anatomy import UNIT, Anatomy
from stages.phantom.bones import bones
from stages.phantom.drawing import Frame, Layer, Mask, Points, smooth_curve
from stages.phantom.vessels import VesselTree, vessels

_MIRROR = np.array([[[-1, 1]], [[1, 1]]])
_BREAST = np.array([[0.36, -0.26], [0.41, -0.1], [0.36, 0.0], [0.22, 0.02], [0.1, -0.04], [0.12, -0.16]])


def _body(anatomy: Anatomy) -> Points:
    """The skin's outline (80, 2): neck, shoulders, trunk; wider where the patient is stouter."""
    w = anatomy.width * (1.02 + 0.05 * anatomy.habitus)
    shoulder = anatomy.apex + (-0.03 if anatomy.bedside else 0.01)
    half = np.array([[0.075, -0.25], [0.085, shoulder - 0.09], [0.2, shoulder - 0.04],
                     [0.36 * w, shoulder + 0.01], [0.47 * w, shoulder + 0.12], [0.46 * w, 0.36],
                     [0.42 * w, 0.5], [0.425 * w, 0.8], [0.44 * w, 1.3]])  # fmt: skip
    edge = smooth_curve(half, 40)
    return np.add(np.concatenate([edge, edge[::-1] * [-1, 1]]), [0.5, 0])


def breasts(anatomy: Anatomy, frame: Frame) -> Layer:
    """Breast shadows over the lower lungs, as attenuation, float32 (size, size); a coarse frame is enough."""
    low = anatomy.base + 0.02 + 0.05 * anatomy.habitus
    half = smooth_curve(_BREAST * [anatomy.width, 1] + [0, low], 40, closed=True)
    drawn = frame.fill(frame.blank(), half * _MIRROR + [0.5, 0]).astype(np.float32)
    return cv2.GaussianBlur(drawn, (0, 0), 0.018 * frame.size) * np.float32(0.09 / 255)


def thorax(anatomy: Anatomy, tree: VesselTree, frame: Frame) -> Mask:
    """The healthy thorax, still with hard edges, uint8 (size, size) in steps of 1/UNIT."""
    density = 0.88 + 0.06 * anatomy.habitus
    out = frame.fill(frame.blank(), [_body(anatomy)], round(density * UNIT))
    air = frame.fill(frame.blank(), [lung.outline for lung in anatomy.lungs], round(0.5 * UNIT))
    frame.fill(air, [anatomy.heart], 0)
    cv2.subtract(out, air, out)
    heart = frame.fill(frame.blank(), [anatomy.heart], round(0.03 * UNIT))
    cv2.add(out, heart, out)
    cv2.add(out, bones(anatomy, frame), out)
    return cv2.add(out, vessels(tree, anatomy.hila, frame, 0.194 * anatomy.vessels * UNIT), out, mask=air)
