"""One study from its plan: anatomy, findings, positioning, exposure. Reads and writes no files."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.phantom import scanner
from stages.phantom.anatomy import attenuation, build_anatomy
from stages.phantom.findings import Extent, add_findings
from stages.phantom.plan import PhantomParams, StudyPlan, stream


@dataclass(frozen=True)
class Box:
    """A finding's box in the rendered image's pixels: left, top, width, height."""

    finding: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class RenderedStudy:
    """A radiograph: pixels uint8 (H, W) and the boxes of all findings truly present."""

    pixels: NDArray[np.uint8]
    boxes: tuple[Box, ...]


def _place(extent: Extent, matrix: NDArray[np.float64], size: int) -> Box | None:
    """The upright box about a positioned extent, cut at the image's border; None if outside."""
    left, top, right, bottom = extent.corners
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)
    moved = np.clip(scanner.placed(corners, matrix), 0, size)
    (x, y), (far_x, far_y) = moved.min(axis=0), moved.max(axis=0)
    if min(far_x - x, far_y - y) < 1:
        return None
    return Box(extent.finding, float(x), float(y), float(far_x - x), float(far_y - y))


def render_study(plan: StudyPlan, params: PhantomParams) -> RenderedStudy:
    """Render one study, a function of (`params.seed`, patient, study) and `params.image_size`.

    Pixels are uint8 (image_size, image_size), bright where the body attenuates.
    """
    size, seed = params.image_size, params.seed
    rng = stream(seed, plan.patient, 5, plan.study)
    anatomy = build_anatomy(plan, seed)
    layer = attenuation(anatomy, stream(seed, plan.patient, 6), size)
    extents = add_findings(layer, plan, anatomy, seed)
    layer += scanner.uneven_exposure(rng, size, 0.05)
    layer += scanner.devices(rng, size)
    matrix = scanner.pose(rng, size)
    pixels = scanner.expose(layer, matrix, scanner.SCANNERS[plan.scanner], rng)
    placed = (_place(extent, matrix, size) for extent in extents)
    return RenderedStudy(pixels, tuple(box for box in placed if box is not None))
