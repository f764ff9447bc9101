"""Anti-aliased fills, strokes and soft edges in a frame: the detector's square, in which a patient is shifted.

Points are (x, y) as fractions of the thorax's square, lengths and widths likewise, so that one drawing serves every
image size and every position: the frame places the points, and no picture is warped. Knows nothing about anatomy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# OpenCV's stubs leave the element type open; these names say what it is.
Points = NDArray[Any]  # float64 (..., 2)
Layer = NDArray[Any]  # float32 (size, size)
Mask = NDArray[Any]  # uint8 (size, size)

_SHIFT = 5  # binary digits behind the point that OpenCV draws with
_ONE = 1 << _SHIFT
_HALF_PIXEL = np.array([[0, 0, 0.5]])


@dataclass(frozen=True)
class Frame:
    """An image of `size` pixels a side, and the affine map (2, 3) from points to its pixels (0 is a pixel's centre).

    The drawing methods change the uint8 canvas (size, size) that they are given, and return it.
    """

    size: int
    matrix: NDArray[np.float64]

    @classmethod
    def upright(cls, size: int) -> "Frame":
        """A patient who fills the frame, neither turned nor shifted."""
        return cls.posed(size, 0.0, 1.0, (0.0, 0.0))

    @classmethod
    def posed(cls, size: int, degrees: float, zoom: float, shift: tuple[float, float]) -> "Frame":
        """A patient turned about the centre, magnified, and shifted by fractions of the side."""
        turn = np.radians(degrees)
        cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
        x, y = 0.5 + shift[0] - 0.5 * (cos + sin), 0.5 + shift[1] - 0.5 * (cos - sin)
        return cls(size, np.array([[cos, sin, x], [-sin, cos, y]]) * size - _HALF_PIXEL)

    def coarse(self, shrink: int) -> "Frame":
        """The same view in pixels `shrink` times as large."""
        size = self.size // shrink
        return Frame(size, (self.matrix + _HALF_PIXEL) * (size / self.size) - _HALF_PIXEL)

    def blank(self, value: int = 0) -> Mask:
        """A canvas all of one value."""
        return np.full((self.size, self.size), value, np.uint8) if value else np.zeros((self.size,) * 2, np.uint8)

    def to_pixels(self, points: Points) -> NDArray[np.int32]:
        """Points (..., 2) as OpenCV's fixed-point pixels."""
        placed = cv2.transform(points.reshape(-1, 1, 2), self._fixed_point)
        return np.rint(placed).astype(np.int32).reshape(points.shape)

    @cached_property
    def _fixed_point(self) -> NDArray[np.float64]:
        """The frame's affine matrix (2, 3), scaled to OpenCV's fixed-point pixels."""
        return self.matrix * _ONE

    def fill(self, canvas: Mask, outlines: Sequence[Points] | Points, value: int = 255, *, smooth: bool = True) -> Mask:
        """Fill closed outlines, each (n, 2) and apart from the others; not `smooth` is for what is blurred later."""
        return paint(canvas, self._curves(outlines), value, smooth=smooth)

    def stroke(self, canvas: Mask, curves: Sequence[Points] | Points, width: float, value: int = 255) -> Mask:
        """Draw open curves, each (n, 2), in whole pixels of width; for many segments, filled ribbons are quicker."""
        cv2.polylines(canvas, self._curves(curves), False, value, self._thickness(width), cv2.LINE_AA, _SHIFT)
        return canvas

    def discs(self, canvas: Mask, centres: Points, radii: NDArray[np.float64], value: int = 255) -> Mask:
        """Draw filled discs at centres (n, 2) with radii (n,)."""
        reach = np.rint(radii * (self.size * _ONE)).astype(int).tolist()
        for at, radius in zip(self.to_pixels(centres).tolist(), reach, strict=True):
            cv2.circle(canvas, at, radius, value, -1, cv2.LINE_AA, _SHIFT)
        return canvas

    def cells(
        self, canvas: Mask, centres: Points, radii: NDArray[np.float64], width: float, values: tuple[int, int]
    ) -> Mask:
        """Draw round cells at centres (n, 2): first all walls, then what is inside; `values` are those of both."""
        wall, inside = values
        self.discs(canvas, centres, radii + 0.5 * width, wall)
        return self.discs(canvas, centres, radii - 0.5 * width, inside)

    def _thickness(self, width: float) -> int:
        """A line's width, given in sides, in whole pixels; at least one."""
        return max(1, round(width * self.size))

    def _curves(self, curves: Sequence[Points] | Points) -> list[NDArray[np.int32]]:
        """Several curves in fixed point; an array (n, m, 2) is converted at once."""
        if isinstance(curves, np.ndarray):
            return list(self.to_pixels(curves))
        return [self.to_pixels(curve) for curve in curves]


def paint(canvas: Mask, outlines: Sequence[NDArray[np.int32]], value: int, *, smooth: bool = False) -> Mask:
    """Fill closed outlines that a frame has placed, each (n, 2) and apart from the others."""
    cv2.fillPoly(canvas, outlines, value, cv2.LINE_AA if smooth else cv2.LINE_8, _SHIFT)
    return canvas


def ribbons(curves: Points, width: float) -> Points:
    """Outlines (n, 2 m, 2) of bands `width` wide about curves (n, m, 2)."""
    return _bands(curves, width * _half_normals(curves))


def tubes(curves: Points, width: NDArray[np.float64]) -> tuple[Points, Points]:
    """Outer and inner outlines, each (n, 2 m, 2), of curves (n, m, 2) as tubes, `width` (n,) and half as wide."""
    aside = _half_normals(curves) * width[:, None, None]
    return _bands(curves, aside), _bands(curves, 0.5 * aside)


def _half_normals(curves: Points) -> Points:
    """Half of the unit normal at each point of curves (n, m, 2)."""
    along = np.empty_like(curves)
    along[:, 1:-1] = curves[:, 2:] - curves[:, :-2]
    along[:, 0], along[:, -1] = curves[:, 1] - curves[:, 0], curves[:, -1] - curves[:, -2]
    x, y = along[..., 0], along[..., 1]
    scale = 0.5 / np.sqrt(x * x + y * y)
    aside = np.empty_like(curves)
    aside[..., 0], aside[..., 1] = -y * scale, x * scale
    return aside


def _bands(curves: Points, aside: Points) -> Points:
    """Closed outlines (k, 2 n, 2): curves (k, n, 2) shifted by `aside` to one side, then back along the other."""
    count = curves.shape[1]
    bands = np.empty((len(curves), 2 * count, 2))
    np.add(curves, aside, out=bands[:, :count])
    np.subtract(curves, aside, out=bands[:, : count - 1 : -1])
    return bands


def blurred(layer: Layer | Mask, pixels: float) -> Layer | Mask:
    """Blur by a Gaussian of `pixels`, cut at 2.5 of them; below a third of a pixel nothing changes."""
    side = 2 * int(np.ceil(2.5 * pixels)) + 1
    return layer if pixels < 0.3 else cv2.GaussianBlur(layer, (side, side), pixels)


@lru_cache(maxsize=64)
def _spline_basis(controls: int, samples: int, closed: bool) -> NDArray[np.float64]:
    """Catmull-Rom weights (samples, controls): curve = basis @ control points."""
    spans = controls if closed else controls - 1
    at = np.linspace(0, spans, samples, endpoint=not closed)
    start = np.minimum(at.astype(int), spans - 1)
    t = at - start
    weights = 0.5 * np.stack(
        [-(t**3) + 2 * t**2 - t, 3 * t**3 - 5 * t**2 + 2, -3 * t**3 + 4 * t**2 + t, t**3 - t**2], axis=1
    )
    index = start[:, None] + np.arange(-1, 3)
    index = index % controls if closed else np.clip(index, 0, controls - 1)
    basis = np.zeros((samples, controls))
    np.add.at(basis, (np.arange(samples)[:, None], index), weights)
    return basis


def smooth_curve(controls: Points, samples: int = 48, *, closed: bool = False) -> Points:
    """A Catmull-Rom curve (samples, 2) through control points (n, 2)."""
    return _spline_basis(len(controls), samples, closed) @ controls


def blob(rng: np.random.Generator, centre: Points, radii: tuple[float, float], roughness: float) -> Points:
    """A rounded, irregular closed outline (48, 2) about `centre`, radii in sides."""
    corners = 9
    angle = np.arange(corners) * (2 * np.pi / corners) + rng.uniform(0, 1)
    reach = 1 + roughness * rng.uniform(-1, 1, corners)
    offsets = np.stack([np.cos(angle) * radii[0], np.sin(angle) * radii[1]], axis=1)
    return smooth_curve(centre + offsets * reach[:, None], closed=True)


def rim(outline: Points, width: float) -> Points:
    """A band (1, 2 n + 2, 2) along a closed outline (n, 2)."""
    return ribbons(np.concatenate([outline, outline[:1]])[None], width)
