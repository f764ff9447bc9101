"""From attenuation to an 8-bit radiograph: positioning, exposure, noise, blur, curve and borders.

Scanner A is a fixed detector: crisp, quiet, contrasty. Scanner B is an older cassette system: soft,
noisy, flat, with collimation borders and grid lines. Nothing here depends on findings.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.phantom.anatomy import UNIT
from stages.phantom.drawing import Frame, Layer, Mask


@dataclass(frozen=True)
class Scanner:
    """One make of scanner: blur and noise as fractions of the side and of full scale, the
    curve's bend, odds of a collimation border, and the original matrix in pixels and mm."""

    blur: float
    noise: float
    grain: float
    bend: float
    contrast: float
    sharpen: float
    border: float
    grid: float
    width: int
    height: int
    spacing: float


SCANNERS = {
    "A": Scanner(0.0018, 0.016, 0.0, 0.10, 0.55, 0.5, 0.08, 0.0, 2500, 2048, 0.168),
    "B": Scanner(0.0032, 0.022, 1.0, -0.35, -0.1, 0.1, 0.75, 0.012, 2992, 2991, 0.143),
}
_RAMP = np.arange(256) / 255
_T = np.linspace(0, 1, 14)
_SNAP = np.array([[-0.011, -0.014], [0.011, -0.014], [0.011, 0.014], [-0.011, 0.014]])
_LETTERS = {
    "L": np.array([[-0.3, -0.5], [-0.3, 0.5], [0.35, 0.5]]),
    "R": np.array([[-0.3, 0.5], [-0.3, -0.5], [0.2, -0.5], [0.35, -0.25], [0.2, 0], [-0.3, 0], [0, 0], [0.38, 0.5]]),
}


def pose(rng: np.random.Generator, size: int) -> Frame:
    """How the patient stood (rotation, magnification, shift) before a detector of `size` pixels a side."""
    angle, zoom = rng.normal(0, 2.2), rng.uniform(0.9, 1.08)
    right, down = rng.random(2).tolist()
    return Frame.posed(size, angle, zoom, (0.09 * right - 0.045, 0.085 * down - 0.035))


def uneven_exposure(rng: np.random.Generator, size: int, strength: float) -> Layer:
    """Heel effect, scatter and soft tissue unrelated to any label: a smooth field (size, size)."""
    draws = (strength * rng.standard_normal(58)).astype(np.float32)
    field = cv2.resize(draws[:49].reshape(7, 7), (size, size), interpolation=cv2.INTER_CUBIC)
    return cv2.add(field, cv2.resize(draws[49:].reshape(3, 3), (size, size), interpolation=cv2.INTER_CUBIC))


@lru_cache(maxsize=4)
def _noise_bank(make: str, size: int) -> Layer:
    """The noise (4 size, 4 size) of a make of scanner, with its grain and grid lines: fresh noise for each image
    takes longer than all the rest of its rendering."""
    rng, scanner, side = np.random.Generator(np.random.PCG64(20170801)), SCANNERS[make], 4 * size
    bank = rng.standard_normal((side, side), dtype=np.float32)
    if scanner.grain:
        bank += 1.2 * cv2.GaussianBlur(bank, (0, 0), scanner.grain * size / 256)
    return bank + np.float32(scanner.grid / scanner.noise) * np.cos(np.arange(side, dtype=np.float32) * 2.2)


def _noise(make: str, rng: np.random.Generator, size: int) -> Layer:
    """A random window (size, size) of the noise bank, which nobody must write into."""
    row, column = (rng.random(2) * (3 * size)).astype(int).tolist()
    return _noise_bank(make, size)[row : row + size, column : column + size]


def devices(rng: np.random.Generator, frame: Frame) -> Mask | None:
    """Lines, tubes and leads, now and then and whatever the findings: attenuation in steps of 1/UNIT."""
    tube, line, leads = (rng.random(3) < [0.10, 0.12, 0.14]).tolist()
    wobble = rng.normal(0, 0.02, 4)
    if not (tube or line or leads):
        return None
    canvas = frame.blank()
    if tube:
        x = 0.5 + wobble[0] + 0.01 * np.sin(4 * _T)
        frame.stroke(canvas, [np.stack([x, 0.38 * _T - 0.07], axis=1)], 0.008, _metal(130))
    if line:
        side = -1 if wobble[1] < 0 else 1
        x = 0.5 + side * (0.3 * np.cos(1.5 * _T) - 0.02) + wobble[2]
        frame.stroke(canvas, [np.stack([x, 0.16 + 0.25 * _T**2 + wobble[3]], axis=1)], 0.005, _metal(170))
    if leads:
        _leads(canvas, rng, frame)
    return canvas


def _metal(shade: int) -> int:
    """Steps of 1/UNIT for a shade of 0..255, of which 255 attenuates by 0.35."""
    return round(shade * 0.35 * UNIT / 255)


def _leads(canvas: Mask, rng: np.random.Generator, frame: Frame) -> None:
    """Electrocardiogram leads: metal snaps with thin wires that leave the field."""
    snaps = np.array([[0.2, 0.2], [0.8, 0.2], [0.74, 0.75]]) + rng.normal(0, 0.03, (3, 2))
    t = _T[:, None]
    ends = np.array([0.5, -0.2]) + rng.normal(0, 0.2, (3, 2)) * [1, 0]
    bow = np.sin(np.pi * t) * rng.normal(0, 0.04, (3, 1, 1))
    frame.stroke(canvas, snaps[:, None] * (1 - t) + ends[:, None] * t + bow, 0.0035, _metal(110))
    frame.fill(canvas, snaps[:, None] + _SNAP, _metal(230))


def _mark(image: Mask, rng: np.random.Generator) -> None:
    """The technician's lead letter in an upper corner, on about half of the images."""
    chance, left, *shift = rng.random(4).tolist()
    if chance > 0.55:
        return
    letter, x = ("L", 0.88) if left < 0.6 else ("R", 0.1)
    at = np.array([x, 0.1]) + 0.06 * (np.array(shift) - 0.5)
    Frame.upright(image.shape[0]).stroke(image, [_LETTERS[letter] * 0.045 + at], 0.006, 250)


def _collimate(image: Mask, rng: np.random.Generator, odds: float) -> None:
    """Black out what the shutters hid; scanner B nearly always shows a border."""
    size = image.shape[0]
    chance, *margins = rng.random(5).tolist()
    if chance > odds:
        return
    top, bottom, left, right = (round(0.05 * size * margin) for margin in margins)
    image[:top] = image[size - bottom :] = 5
    image[:, :left] = image[:, size - right :] = 5


def _window(rough: Layer, rng: np.random.Generator) -> tuple[float, float]:
    """Gain and offset with which the console windows the exposure: by percentiles, and not quite alike each time."""
    sample = np.sort(rough[::2, ::2], axis=None)
    low, high = float(sample[int(0.02 * len(sample))]), float(sample[int(0.985 * len(sample))])
    dark, bright = rng.random(2).tolist()
    darkest, brightest = 0.01 + 0.12 * dark, 0.78 + 0.16 * bright
    gain = (brightest - darkest) / max(high - low, 0.2)
    return gain, darkest - gain * low


def _curve(make: Scanner, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The detector's curve as a table of 256 shades."""
    bend = make.bend + 0.6 * rng.random() - 0.3
    curved = _RAMP + _RAMP * (1 - _RAMP) * (bend + make.contrast * (2 * _RAMP - 1))
    return np.clip(curved * 255 + 0.5, 0, 255).astype(np.uint8)


def expose(layer: Layer, field: Layer, scanner: str, rng: np.random.Generator) -> Mask:
    """Take the picture: attenuation (H, W) float32 and what of it is smooth, on a coarser grid, to uint8 (H, W).

    Sharpening, exposure and noise are all linear up to the curve, so that they are one sum.
    """
    size, make = layer.shape[0], SCANNERS[scanner]
    rough = cv2.resize(layer, field.shape, interpolation=cv2.INTER_AREA)
    gain, offset = _window(rough + field, rng)
    broad = cv2.GaussianBlur(rough, (0, 0), 0.02 * field.shape[0])
    smooth = cv2.addWeighted(field, 1, broad, -make.sharpen, 0)
    smooth = cv2.resize(smooth, (size, size), interpolation=cv2.INTER_LINEAR)
    image = cv2.addWeighted(layer, (1 + make.sharpen) * gain * 255, smooth, gain * 255, offset * 255)
    loud = make.noise * (0.7 + 0.6 * rng.random()) * (1 + make.sharpen) * 255
    shades = cv2.addWeighted(image, 1, _noise(scanner, rng, size), loud, 0, dtype=cv2.CV_8U)
    shades = cv2.LUT(shades, _curve(make, rng))
    _mark(shades, rng)
    _collimate(shades, rng, make.border)
    return shades
