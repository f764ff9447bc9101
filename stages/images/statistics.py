"""What an image looks like, in a dozen figures: kept in the manifest and the scoring log, watched for drift.

All are computed from the decoded pixels, before any preprocessing, by integer sums and by operations whose result does
not depend on the processor, so that training's figures and serving's are the same to the last bit. Grey levels are
scaled to 0..255 whatever the bit depth; colour counts by its luma (ITU-R BT.601). Not for judging a single image.
"""
import math
from functools import cache

import cv2
import numpy as np

from stages.images.decode import Decoded
from stages.manifest import STATISTICS

NAMES = STATISTICS
_SIDE = 256  # sharpness and border are measured on the image reduced to at most this side: the same at any matrix size
_CROP = 512  # noise is measured in the pixels as stored, on the middle of the image
_DARK, _BRIGHT = 5, 250  # grey levels of 255 at and beyond which a pixel counts as black or white
_NOISE_KERNEL = np.array([1, -2, 1], np.float32)  # in both directions


def describe(decoded: Decoded) -> dict[str, float]:
    """Figures by the names of NAMES, floats, all finite.

    `mean`, `std`, `median`: grey levels; `contrast`: 5th to 95th percentile (grey levels); `skewness`: turns its sign
    where black and white are swapped; `black`, `white`: fractions of pixels at the ends of the range; `border`: mean of
    the outermost twentieth less the mean of the image (grey levels); `sharpness`: deviation of the Laplacian over that
    of the image, both reduced to 256 pixels; `noise`: Immerkaer's estimate (1996, doi:10.1006/cviu.1996.0060), grey
    levels; `aspect`: width over height.
    """
    grey = cv2.cvtColor(decoded.pixels, cv2.COLOR_RGB2GRAY) if decoded.pixels.ndim == 3 else decoded.pixels
    scale = 255 / (2**decoded.bit_depth - 1)
    small = _reduced(grey)
    figures = _of_histogram(grey, scale)
    figures |= {"border": _border(small) * scale, "sharpness": _sharpness(small), "noise": _noise(grey) * scale,
                "aspect": grey.shape[1] / grey.shape[0]}
    return {name: figures[name] for name in NAMES}


def _of_histogram(grey: np.ndarray, scale: float) -> dict[str, float]:
    """Moments, quantiles and the ends of the range, from exact counts of the grey levels of (H, W)."""
    counts = _histogram(grey)
    total, first, second, *thirds = (int(figure) for figure in counts @ _powers(len(counts)))
    third = thirds[0] * 2**16 + thirds[1]
    spread = total * second - first * first  # total squared times the variance; whole numbers of Python have no limit
    skew = total * total * third - 3 * total * first * second + 2 * first**3
    below = counts.cumsum()
    low, median, high = below.searchsorted([0.05 * total, 0.5 * total, 0.95 * total])
    dark, bright = math.floor(_DARK / scale), math.ceil(_BRIGHT / scale)
    return {"mean": first / total * scale, "std": math.sqrt(spread) / total * scale, "median": float(median * scale),
            "contrast": float((high - low) * scale), "skewness": skew / spread**1.5 if spread else 0.0,
            "black": int(below[dark]) / total, "white": (total - int(below[bright - 1])) / total}


@cache
def _powers(levels: int) -> np.ndarray:
    """For each grey level v: 1, v, v^2, and v^3 in two parts (times 2^16, and the rest), int64 (levels, 5).

    Summed over 10^8 pixels of 16 bit none of them leaves 64 bits.
    """
    level = np.arange(levels, dtype=np.int64)
    square = level * level
    return np.stack([np.ones_like(level), level, square, level * (square >> 16), level * (square & 0xFFFF)], axis=1)


def _histogram(grey: np.ndarray) -> np.ndarray:
    """How many pixels have each level, int64 (256,) or (65536,); OpenCV counts in integers, fast on 8 bit."""
    if grey.dtype == np.uint8 and grey.size < 2**24:  # OpenCV hands the counts out as float32
        return cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    return np.bincount(grey.ravel(), minlength=int(np.iinfo(grey.dtype).max) + 1)


def _reduced(grey: np.ndarray) -> np.ndarray:
    """(H, W) with sides of at most 256, by area averaging."""
    height, width = grey.shape
    smaller = (min(width, _SIDE), min(height, _SIDE))
    return grey if smaller == (width, height) else cv2.resize(grey, smaller, interpolation=cv2.INTER_AREA)


def _border(small: np.ndarray) -> float:
    """Mean level of the frame, a twentieth of each side wide, less the mean of all."""
    down, across = (math.ceil(side / 20) for side in small.shape)
    inner = small[down:-down, across:-across]
    total, within = _sum(small), _sum(inner)
    return (total - within) / (small.size - inner.size) - total / small.size


def _sharpness(small: np.ndarray) -> float:
    """Deviation of the Laplacian over the image's deviation; 0 for a flat image."""
    plain = _deviation(small)
    return _deviation(cv2.Laplacian(small, _whole(small))) / plain if plain else 0.0


def _whole(grey: np.ndarray) -> int:
    """OpenCV's type that holds the small whole multiples of the grey levels that filters make: exact, and fast."""
    return cv2.CV_16S if grey.dtype == np.uint8 else cv2.CV_32F  # below 2^24 either way


def _deviation(values: np.ndarray) -> float:
    """Standard deviation of whole numbers by exact sums, below 2^53."""
    first, second = _sum(values), _squares(values)
    return math.sqrt(second * values.size - first * first) / values.size


def _squares(values: np.ndarray) -> int:
    """Sum of the squares of whole numbers."""
    if values.dtype in (np.uint8, np.int16):  # small enough for OpenCV's last bits not to matter, and fast
        return round(cv2.norm(values, cv2.NORM_L2SQR))
    whole = values.ravel().astype(np.float64)
    return int(np.square(whole).sum())  # not `@`: BLAS would wake its threads for it


def _sum(values: np.ndarray) -> int:
    """Sum of whole numbers; OpenCV adds them up as float64, exact below 2^53."""
    return int(cv2.sumElems(values)[0]) if values.size else 0


def _noise(grey: np.ndarray) -> float:
    """Deviation of the noise, in levels, from what a mask blind to edges and slopes leaves over; 0 below 3 x 3."""
    height, width = grey.shape
    top, left = max(0, height - _CROP) // 2, max(0, width - _CROP) // 2
    crop = grey[top:top + _CROP, left:left + _CROP]
    if min(crop.shape) < 3:
        return 0.0
    residue = cv2.sepFilter2D(crop, _whole(grey), _NOISE_KERNEL, _NOISE_KERNEL)[1:-1, 1:-1]
    return math.sqrt(math.pi / 2) * cv2.norm(residue, cv2.NORM_L1) / (6 * residue.size)
