"""The skeleton over the lungs: ribs, clavicles, shoulder blades and spine, as one uint8 canvas of attenuation."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.phantom.anatomy import UNIT, Anatomy, Lung
from stages.phantom.drawing import Frame, Mask, Points, paint, smooth_curve, tubes

_R = np.linspace(0, 1, 9)
_POSTERIOR = np.arange(9)[:, None]
_ANTERIOR = np.arange(6)[:, None]
_DIP, _BOW = _R**2.2, 0.03 * np.sin(np.pi * _R**0.8)
_FALL = np.sin(0.5 * np.pi * _R) ** 1.2
_WIDTHS = np.repeat([0.03, 0.033, 0.033], [18, 12, 2])
_VERTEBRA = np.array([[-0.036, 0.0], [0.036, 0.0], [0.033, 0.5], [0.036, 0.84], [-0.036, 0.84], [-0.033, 0.5]])
_PEDICLE = np.array([[-0.008, 0.0], [0.0, -0.009], [0.008, 0.0], [0.0, 0.009]])
_PEDICLES = np.array([[[[-0.023, 0]]], [[[0.023, 0]]]])
_CLAVICLE = np.array([[0.035, 0.075], [0.11, 0.045], [0.2, 0.035], [0.29, 0.0], [0.37, -0.005]])
_SCAPULA = np.array([[0.0, 0.06], [0.03, 0.2], [0.055, 0.32], [0.085, 0.2], [0.1, 0.08], [0.05, 0.02]])


def _wall_at(lung: Lung, y: NDArray[Any]) -> NDArray[Any]:
    """Half-width of the chest at heights y."""
    return np.abs(np.interp(y, lung.wall[12:, 1], lung.wall[12:, 0]) - 0.5)


def _posterior_ribs(anatomy: Anatomy) -> Points:
    """Nine arcs a side (18, 9, 2) from the spine over the lung to the chest wall."""
    pitch = (anatomy.base - anatomy.apex + 0.06) / 9
    start = anatomy.apex - 0.025 + _POSTERIOR * pitch
    fall = 0.03 + 0.011 * _POSTERIOR
    out = np.empty((2, 9, 9, 2))
    out[..., 1] = start + fall * _DIP - _BOW
    for half, lung in zip(out, anatomy.lungs, strict=True):
        half[..., 0] = 0.5 + lung.side * (0.035 + _R * (_wall_at(lung, start + fall) * 1.015 - 0.035))
    return out.reshape(18, 9, 2)


def _anterior_ribs(anatomy: Anatomy) -> Points:
    """Six fainter arcs a side (12, 9, 2) that fall from the chest wall towards the sternum."""
    start = anatomy.apex + 0.085 + _ANTERIOR * (anatomy.base - anatomy.apex) / 8.2
    out = np.empty((2, 6, 9, 2))
    out[..., 1] = start + (0.075 + 0.008 * _ANTERIOR) * _FALL
    for half, lung in zip(out, anatomy.lungs, strict=True):
        wall = _wall_at(lung, start)
        half[..., 0] = 0.5 + lung.side * (wall + _R * (0.13 + 0.012 * _ANTERIOR - wall))
    return out.reshape(12, 9, 2)


def _clavicles(anatomy: Anatomy) -> Points:
    """Both clavicles (2, 9, 2): an S from the sternum to the shoulder."""
    rise = 0.0 if anatomy.bedside else 0.05
    y = anatomy.apex + _CLAVICLE[:, 1] + rise * (1 - _CLAVICLE[:, 0] / 0.37) - 0.01
    half = smooth_curve(np.stack([_CLAVICLE[:, 0] * anatomy.width, y], 1), 9)
    return half * np.array([[[-1, 1]], [[1, 1]]]) + [0.5, 0]


def _scapulae(anatomy: Anatomy) -> Points:
    """Both shoulder blades (2, 40, 2): over the lungs in AP, swung out to the side in PA."""
    inner = 0.27 if anatomy.bedside else 0.35
    half = smooth_curve(np.add(_SCAPULA, [inner * anatomy.width, anatomy.apex]), 40, closed=True)
    return half * np.array([[[-1, 1]], [[1, 1]]]) + [0.5, 0]


def _draw_spine(canvas: Mask, anatomy: Anatomy, frame: Frame) -> None:
    """Vertebral bodies with their discs and pedicles."""
    height = (anatomy.base - anatomy.apex) / 9
    top = np.stack(np.broadcast_arrays(0.5, np.arange(-0.15, 1.1, height)), axis=1)[:, None]
    weight = 0.085 * anatomy.bone * UNIT
    frame.fill(canvas, _VERTEBRA * [1, height] + top, round(weight), smooth=False)
    pedicles = (np.add(_PEDICLE, [0, 0.3 * height]) + top + _PEDICLES).reshape(-1, 4, 2)
    frame.fill(canvas, pedicles, round(1.5 * weight), smooth=False)


def _draw_tubes(canvas: Mask, tube: tuple[NDArray[np.int32], ...], which: slice, walls: tuple[float, float]) -> Mask:
    """Some of the bones, from their placed outlines (n, m, 2), as hollow tubes: bright cortex, fainter marrow."""
    for outlines, wall in zip(tube, walls, strict=True):
        paint(canvas, list(outlines[which]), round(wall * UNIT))
    return canvas


def bones(anatomy: Anatomy, frame: Frame) -> Mask:
    """Ribs, clavicles, shoulder blades and spine, uint8 (size, size) in steps of 1/UNIT."""
    bone = anatomy.bone
    curves = np.concatenate([_posterior_ribs(anatomy), _anterior_ribs(anatomy), _clavicles(anatomy)])
    tube = tuple(map(frame.to_pixels, tubes(curves, _WIDTHS)))
    out = _draw_tubes(frame.blank(), tube, slice(18), (0.14 * bone, 0.095 * bone))
    front = _draw_tubes(frame.blank(), tube, slice(18, 30), (0.07 * bone, 0.05 * bone))
    _draw_spine(front, anatomy, frame)
    cv2.add(out, front, out)
    girdle = frame.fill(frame.blank(), _scapulae(anatomy), round(0.076 * bone * UNIT), smooth=False)
    cv2.add(out, girdle, out)
    collar = _draw_tubes(frame.blank(), tube, slice(30, 32), (0.145 * bone, 0.11 * bone))
    return cv2.add(out, collar, out)
