"""One study from its plan: anatomy, findings, positioning, exposure. Reads and writes no files."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.phantom import scanner
from stages.phantom.anatomy import UNIT, Anatomy, build_anatomy
from stages.phantom.drawing import Frame, Layer, Mask, blurred
from stages.phantom.findings import FindingBox, draw_findings
from stages.phantom.plan import StudyPlan, stream
from stages.phantom.thorax import breasts, thorax
from stages.phantom.vessels import vessel_tree

_COARSE = 4  # what varies slowly is computed in pixels so many times as large
_SOFT = 0.0048  # how soft the anatomy's edges are, in sides
_CRISP = 0.0025  # how soft those of signs and devices are
_FLATTENING = 1.0  # fraction of the signs' low frequencies taken away
_BROAD = 0.04  # what counts as a low frequency: Gaussian of so many sides


@dataclass(frozen=True)
class RenderedStudy:
    """A radiograph: pixels uint8 (H, W) and the boxes of all findings truly present."""

    pixels: NDArray[np.uint8]
    boxes: tuple[FindingBox, ...]


def _field(signs: Layer, anatomy: Anatomy, frame: Frame, rng: np.random.Generator) -> Layer:
    """All that varies slowly, on the coarse grid: exposure, breasts, and the signs' low frequencies taken away.

    The last is what multi-frequency processing on a console does: what a finding changes is texture and edges,
    hardly the brightness of a whole region.
    """
    coarse = frame.coarse(_COARSE)
    field = scanner.uneven_exposure(rng, coarse.size, 0.05 * UNIT)
    if anatomy.female:
        field += UNIT * breasts(anatomy, coarse)
    if not cv2.countNonZero(signs):
        return field
    low = cv2.resize(signs, field.shape, interpolation=cv2.INTER_AREA)
    return cv2.addWeighted(field, 1, blurred(low, _BROAD * coarse.size), -_FLATTENING, 0)


def _add_crisp(layer: Layer, signs: Layer, devices: Mask | None, pixels: float) -> None:
    """Add signs and devices to the soft anatomy, in place; only the part that shows them is blurred."""
    if devices is not None:
        cv2.add(signs, devices, signs, dtype=cv2.CV_32F)
    x, y, width, height = cv2.boundingRect((signs != 0).view(np.uint8))
    if width and height:
        part = np.s_[max(y - 4, 0) : y + height + 4, max(x - 4, 0) : x + width + 4]
        layer[part] += blurred(signs[part], pixels)


def render_study(plan: StudyPlan, size: int, seed: int) -> RenderedStudy:
    """Render one study, a function of its plan, the image's side in pixels and the seed.

    Pixels are uint8 (size, size), bright where the body attenuates.
    """
    rng = stream(seed, plan.patient, 5, plan.study)
    frame, blur = scanner.pose(rng, size), scanner.SCANNERS[plan.scanner].blur
    anatomy = build_anatomy(plan, seed, rng)
    healthy = thorax(anatomy, vessel_tree(seed, plan.patient), frame).astype(np.float32)
    layer = blurred(healthy, size * float(np.hypot(_SOFT, blur)))
    signs, boxes = draw_findings(plan, anatomy, frame, seed)
    field = _field(signs, anatomy, frame, rng)
    _add_crisp(layer, signs, scanner.devices(rng, frame), size * float(np.hypot(_CRISP, blur)))
    return RenderedStudy(scanner.expose(layer, field, plan.scanner, rng), boxes)
