"""From attenuation to an 8-bit radiograph: positioning, exposure, noise, blur, curve and borders.

Scanner A is a fixed detector: crisp, quiet, contrasty. Scanner B is an older cassette system: soft,
noisy, flat, with collimation borders and grid lines. Nothing here depends on findings.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.phantom.drawing import Layer, Points, blank, blurred, soften, stroke


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


_LETTERS = {
    "L": np.array([[-0.3, -0.5], [-0.3, 0.5], [0.35, 0.5]]),
    "R": np.array([[-0.3, 0.5], [-0.3, -0.5], [0.2, -0.5], [0.35, -0.25], [0.2, 0], [-0.3, 0], [0, 0], [0.38, 0.5]]),
}


def pose(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """How the patient stood: an affine map (2, 3) of pixels (rotation, magnification, shift)."""
    angle, zoom = rng.normal(0, 2.2), rng.uniform(0.9, 1.08)
    matrix = np.array(cv2.getRotationMatrix2D((size / 2, size / 2), angle, zoom), np.float64)
    matrix[:, 2] += rng.uniform([-0.045, -0.035], [0.045, 0.05]) * size
    return matrix


def uneven_exposure(rng: np.random.Generator, size: int, strength: float) -> Layer:
    """Heel effect, scatter and soft tissue that no label tells of: a smooth field (size, size)."""
    detail = rng.normal(0, strength, (7, 7)).astype(np.float32)
    broad = rng.normal(0, strength, (3, 3)).astype(np.float32)
    grid = (32, 32)
    field = cv2.resize(detail, grid, interpolation=cv2.INTER_CUBIC)
    field = cv2.add(field, cv2.resize(broad, grid, interpolation=cv2.INTER_CUBIC))
    return cv2.resize(field, (size, size), interpolation=cv2.INTER_LINEAR)


@lru_cache(maxsize=2)
def _noise_bank(side: int) -> Layer:
    """Standard normal noise (side, side), drawn once: a fresh field for each image takes longer
    than all the rest of its rendering."""
    rng = np.random.Generator(np.random.PCG64(20170801))
    return rng.standard_normal((side, side), dtype=np.float32)


def _noise(rng: np.random.Generator, size: int) -> Layer:
    """A random window (size, size) of the noise bank, turned by a random quarter."""
    row, column, turn = rng.integers([3 * size, 3 * size, 4]).tolist()
    window = _noise_bank(4 * size)[row : row + size, column : column + size]
    return np.rot90(window, turn).copy()


def devices(rng: np.random.Generator, size: int) -> Layer:
    """Lines, tubes and leads, now and then and whatever the findings: attenuation."""
    canvas = blank(size)
    chance, t = rng.random(3), np.linspace(0, 1, 14)
    wobble = rng.normal(0, 0.02, 4)
    if chance[0] < 0.10:
        tube = np.stack([0.5 + wobble[0] + 0.01 * np.sin(4 * t), 0.33 * t - 0.02], axis=1)
        stroke(canvas, [tube], 0.008, 130)
    if chance[1] < 0.12:
        side = -1 if wobble[1] < 0 else 1
        x = 0.5 + side * (0.3 * np.cos(1.5 * t) - 0.02) + wobble[2]
        stroke(canvas, [np.stack([x, 0.16 + 0.25 * t**2 + wobble[3]], axis=1)], 0.005, 170)
    if chance[2] < 0.14:
        _leads(canvas, rng)
    return soften(canvas, 0.002) * np.float32(0.35)


def _leads(canvas: NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Electrocardiogram leads: metal snaps with thin wires that leave the field."""
    size = canvas.shape[0]
    snaps = np.array([[0.2, 0.2], [0.8, 0.2], [0.74, 0.75]]) + rng.normal(0, 0.03, (3, 2))
    t = np.linspace(0, 1, 12)[:, None]
    ends = np.array([0.5, -0.05]) + rng.normal(0, 0.2, (3, 2)) * [1, 0]
    bow = np.sin(np.pi * t) * rng.normal(0, 0.04, (3, 1, 1))
    stroke(canvas, list(snaps[:, None] * (1 - t) + ends[:, None] * t + bow), 0.0035, 110)
    for x, y in np.round(snaps * size).astype(int).tolist():
        cv2.rectangle(canvas, (x - size // 90, y - size // 70), (x + size // 90, y + size // 70), 230, -1)


def _marker(image: Layer, rng: np.random.Generator) -> None:
    """The technician's lead letter in an upper corner, on about half of the images."""
    size = image.shape[0]
    chance, left = rng.random(2)
    if chance > 0.55:
        return
    letter, x = ("L", 0.88) if left < 0.6 else ("R", 0.1)
    at = np.array([x, 0.1]) + rng.normal(0, 0.018, 2)
    lead = stroke(blank(size), [_LETTERS[letter] * 0.045 + at], 0.006, 250)
    np.maximum(image, lead * np.float32(1 / 255), out=image)


def _collimate(image: Layer, rng: np.random.Generator, odds: float) -> None:
    """Black out what the shutters hid; scanner B nearly always shows a border."""
    size = image.shape[0]
    chance = rng.random()
    margins = np.round(rng.uniform(0.0, 0.05, 4) * size).astype(int)
    if chance > odds:
        return
    top, bottom, left, right = margins.tolist()
    image[:top] = image[size - bottom :] = 0.02
    image[:, :left] = image[:, size - right :] = 0.02


def _normalised(layer: Layer, rng: np.random.Generator) -> Layer:
    """Window the exposure as the console does, by percentiles, and not quite alike each time."""
    sample = np.sort(layer[::4, ::4], axis=None)
    low, high = sample[int(0.02 * len(sample))], sample[int(0.985 * len(sample))]
    darkest, brightest = 0.05 + rng.uniform(-0.04, 0.08), 0.88 + rng.uniform(-0.1, 0.06)
    gain = (brightest - darkest) / max(float(high - low), 1e-3)
    return (layer - low) * np.float32(gain) + np.float32(darkest)


def expose(
    layer: Layer, matrix: NDArray[np.float64], make: Scanner, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Take the picture: attenuation (H, W) float32 to a radiograph (H, W) uint8."""
    size = layer.shape[0]
    noise = _noise(rng, size)
    moved = cv2.warpAffine(layer, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
    image = _normalised(blurred(moved, make.blur), rng)
    if make.grain:
        noise += 1.2 * cv2.GaussianBlur(noise, (0, 0), make.grain * size / 256)
    image += noise * np.float32(make.noise * rng.uniform(0.7, 1.3))
    image += np.float32(make.sharpen) * (image - blurred(image, 0.02))
    np.clip(image, 0, 1, out=image)
    bend = np.float32(make.bend + rng.uniform(-0.3, 0.3))
    middle = image * (1 - image)
    image += middle * (bend + np.float32(make.contrast) * (2 * image - 1))
    if make.grid:
        image += np.float32(make.grid) * np.cos(np.arange(size, dtype=np.float32) * 2.2)[None, :]
    _marker(image, rng)
    _collimate(image, rng, make.border)
    return np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)


def placed(corners: Points, matrix: NDArray[np.float64]) -> Points:
    """Pixel corners (n, 2) where positioning puts them."""
    return corners @ matrix[:, :2].T + matrix[:, 2]
