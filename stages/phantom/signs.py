"""What signs are drawn on: a uint8 canvas on which BASE is no change, and a step is 1/STEPS of attenuation.

A sign takes the anatomy, its own random stream and the frame, and returns a canvas, at full visibility, for each
place where the finding shows (one box each).
"""

from collections.abc import Callable

import cv2
import numpy as np

from stages.phantom.anatomy import Anatomy, Lung
from stages.phantom.drawing import Frame, Mask, Points

Sign = Callable[[Anatomy, np.random.Generator, Frame], list[Mask]]

BASE = 128
STEPS = 180
_NOTHING = np.array([BASE], float)  # OpenCV takes an array of one number for a scalar


def level(attenuation: float) -> int:
    """The value that stands for a change of attenuation between -0.7 and 0.7."""
    return BASE + round(attenuation * STEPS)


def change(canvas: Mask) -> Mask:
    """How much a sign changes each pixel, uint8 (size, size) in steps."""
    return cv2.absdiff(canvas, _NOTHING)


def softened(canvas: Mask, sigma: float) -> Mask:
    """Soften in place, by `sigma` sides, the part that is drawn on."""
    pixels = sigma * canvas.shape[0]
    x, y, width, height = cv2.boundingRect(change(canvas))
    if pixels < 0.3 or not width:
        return canvas
    reach = int(3 * pixels) + 1
    part = canvas[max(y - reach, 0) : y + height + reach, max(x - reach, 0) : x + width + reach]
    part[:] = cv2.GaussianBlur(part, (0, 0), pixels)
    return canvas


def within(lung: Lung, canvas: Mask, frame: Frame) -> Mask:
    """The part of a sign that lies in a lung field."""
    field = frame.fill(frame.blank(), [lung.outline], smooth=False)
    return cv2.copyTo(canvas, field, frame.blank(BASE))


def either(anatomy: Anatomy, rng: np.random.Generator) -> Lung:
    """One of the two lungs, by chance."""
    return anatomy.lungs[int(rng.random() < 0.5)]


def scatter(rng: np.random.Generator, centre: Points, radii: tuple[float, float], count: int) -> Points:
    """Points (count, 2) spread evenly over an ellipse."""
    angle, reach = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.random(count))
    return centre + np.stack([np.cos(angle) * reach * radii[0], np.sin(angle) * reach * radii[1]], 1)
