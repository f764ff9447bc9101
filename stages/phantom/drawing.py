"""Anti-aliased strokes, fills and soft edges on a square canvas whose side is 1.

Points are (x, y) as fractions of the image's side, lengths and widths likewise, so that one
drawing serves every image size. Knows nothing about anatomy.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# OpenCV's stubs leave the element type open; these names say what it is.
Points = NDArray[Any]  # float64 (..., 2)
Layer = NDArray[Any]  # float32 (size, size)
Mask = NDArray[Any]  # uint8 (size, size)

_SHIFT = 5  # binary digits behind the point that OpenCV draws with


def _fixed_point(points: Points, size: int) -> NDArray[np.int32]:
    """Unit coordinates (..., 2) as OpenCV's fixed-point pixels."""
    return np.round((points * size - 0.5) * (1 << _SHIFT)).astype(np.int32)


def blank(size: int) -> Mask:
    """An empty uint8 canvas (size, size)."""
    return np.zeros((size, size), np.uint8)


def _curves(curves: Sequence[Points] | Points, size: int) -> list[NDArray[np.int32]]:
    """Several curves in fixed point; an array (n, m, 2) is converted at once."""
    if isinstance(curves, np.ndarray):
        return list(_fixed_point(curves, size))
    return [_fixed_point(curve, size) for curve in curves]


def fill(canvas: Mask, outlines: Sequence[Points] | Points, value: int = 255) -> Mask:
    """Fill closed outlines, each (n, 2) and apart from the others, and return the canvas."""
    cv2.fillPoly(canvas, _curves(outlines, canvas.shape[0]), value, cv2.LINE_AA, _SHIFT)
    return canvas


def stroke(canvas: Mask, curves: Sequence[Points] | Points, width: float, value: int = 255) -> Mask:
    """Draw open curves, each (n, 2), `width` of the side wide, and return the canvas."""
    size = canvas.shape[0]
    thickness = max(1, round(width * size))
    cv2.polylines(canvas, _curves(curves, size), False, value, thickness, cv2.LINE_AA, _SHIFT)
    return canvas


def discs(canvas: Mask, centres: Points, radii: NDArray[np.float64], value: int = 255) -> Mask:
    """Draw filled discs at centres (n, 2) with radii (n,), and return the canvas."""
    size = canvas.shape[0]
    at = _fixed_point(centres, size)
    reach = np.round(radii * size * (1 << _SHIFT)).astype(int)
    for (x, y), radius in zip(at.tolist(), reach.tolist(), strict=True):
        cv2.circle(canvas, (x, y), radius, value, -1, cv2.LINE_AA, _SHIFT)
    return canvas


def rings(canvas: Mask, centres: Points, radii: NDArray[np.float64], width: float) -> Mask:
    """Draw circles at centres (n, 2) with radii (n,), `width` of the side wide."""
    size = canvas.shape[0]
    at = _fixed_point(centres, size)
    reach = np.round(radii * size * (1 << _SHIFT)).astype(int)
    thickness = max(1, round(width * size))
    for (x, y), radius in zip(at.tolist(), reach.tolist(), strict=True):
        cv2.circle(canvas, (x, y), radius, 255, thickness, cv2.LINE_AA, _SHIFT)
    return canvas


def ribbons(curves: Points, width: float) -> Points:
    """Outlines (n, 2 m, 2) of bands `width` wide about curves (n, m, 2)."""
    along = np.empty_like(curves)
    along[:, 1:-1] = curves[:, 2:] - curves[:, :-2]
    along[:, 0], along[:, -1] = curves[:, 1] - curves[:, 0], curves[:, -1] - curves[:, -2]
    along /= np.hypot(along[..., :1], along[..., 1:])
    aside = along[..., ::-1] * [-0.5 * width, 0.5 * width]
    return np.concatenate([curves + aside, (curves - aside)[:, ::-1]], axis=1)


def blurred(layer: Layer | Mask, sigma: float) -> Layer | Mask:
    """Blur by a Gaussian of `sigma` sides, keeping the dtype; what varies slowly is blurred at a coarser scale."""
    size = layer.shape[0]
    pixels = sigma * size
    if pixels < 0.3:
        return layer
    shrink = 1 << max(int(np.log2(pixels / 2.2)), 0) if pixels > 4 else 1
    if shrink == 1:
        return cv2.GaussianBlur(layer, (0, 0), pixels)
    small = cv2.resize(layer, (size // shrink, size // shrink), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), pixels / shrink)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR)


def soften(canvas: Mask, sigma: float = 0.0) -> Layer:
    """A drawn uint8 canvas as a float32 layer in 0..1 with edges `sigma` sides soft."""
    return blurred(canvas, sigma) * np.float32(1 / 255)


@lru_cache(maxsize=64)
def _spline_basis(controls: int, samples: int, closed: bool) -> NDArray[np.float64]:
    """Catmull-Rom weights (samples, controls): curve = basis @ control points."""
    spans = controls if closed else controls - 1
    at = np.linspace(0, spans, samples, endpoint=not closed)
    start = np.minimum(at.astype(int), spans - 1)
    t = at - start
    weights = 0.5 * np.stack(
        [
            -(t**3) + 2 * t**2 - t,
            3 * t**3 - 5 * t**2 + 2,
            -3 * t**3 + 4 * t**2 + t,
            t**3 - t**2,
        ],
        axis=1,
    )
    index = start[:, None] + np.arange(-1, 3)
    index = index % controls if closed else np.clip(index, 0, controls - 1)
    basis = np.zeros((samples, controls))
    np.add.at(basis, (np.arange(samples)[:, None], index), weights)
    return basis


def smooth_curve(controls: Points, samples: int = 48, *, closed: bool = False) -> Points:
    """A Catmull-Rom curve (samples, 2) through control points (n, 2)."""
    return _spline_basis(len(controls), samples, closed) @ controls


def blob(
    rng: np.random.Generator, centre: Points, radii: tuple[float, float], roughness: float
) -> Points:
    """A rounded, irregular closed outline (48, 2) about `centre`, radii in sides."""
    corners = 9
    angle = np.arange(corners) * (2 * np.pi / corners) + rng.uniform(0, 1)
    reach = 1 + roughness * rng.uniform(-1, 1, corners)
    offsets = np.stack([np.cos(angle) * radii[0], np.sin(angle) * radii[1]], axis=1)
    return smooth_curve(centre + offsets * reach[:, None], closed=True)
