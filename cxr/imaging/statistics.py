"""What an image looks like, in a dozen figures: kept in the manifest and the scoring log, watched for drift.

All are computed from the decoded pixels, before any preprocessing, by integer sums and by operations whose result does
not depend on the processor, so that training's figures and serving's are the same to the last bit. Grey levels are
scaled to 0..255 by the bits that `cxr.imaging.levels` finds; colour counts by its luma (ITU-R BT.601). Not for judging
a single image.
"""

import math
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np

from cxr.data.manifest import STATISTICS
from cxr.imaging.decode import Decoded

NAMES = STATISTICS
_SIDE = 256  # all but noise and aspect are taken from the image reduced to at most this side: like at any matrix size
_CROP = 128  # noise is measured in the pixels as stored, on the middle of the image
_DARK, _BRIGHT = 5, 250  # grey levels of 255 at and beyond which a pixel counts as black or white
_NOISE_KERNEL = np.array([1, -2, 1], np.float32)  # in both directions


def describe(decoded: Decoded, bits: int | None = None) -> dict[str, float]:
    """Figures by the names of NAMES, floats, all finite; `bits` are those of the brightest level, the file's if None.

    Of the upright image reduced to sides of at most 256 pixels: `mean`, `std`, `median`: grey levels; `contrast`: 5th
    to 95th percentile (grey levels); `skewness`: turns its sign where black and white are swapped; `black`, `white`:
    fractions of pixels at the ends of the range; `border`: mean of the outermost twentieth less the mean of the image
    (grey levels); `sharpness`: deviation of the Laplacian over that of the grey levels, in the middle half. Grey levels
    are counted in every second row. Of the pixels as stored: `noise`: Immerkaer's estimate (1996,
    doi:10.1006/cviu.1996.0060) in the middle, grey levels; `aspect`: width over height.
    """
    return describe_at(decoded, (bits or decoded.bit_depth,))[0]


def spread(decoded: Decoded, bits: int) -> float:
    """Standard deviation of the grey levels, of 255, in all rows of the image reduced to at most 256 pixels a side."""
    return _deviation(decoded.reduced(_SIDE)) * (255 / (2**bits - 1))


def describe_at(decoded: Decoded, depths: Sequence[int]) -> list[dict[str, float]]:
    """`describe` for each of several `depths` (bits), the image gone through once."""
    grey, small = decoded.grey, decoded.reduced(_SIDE)
    counts = _histogram(small[::2])
    sums: list[int] = (counts @ _powers(len(counts))).tolist()
    below = counts.cumsum()
    border, sharpness, noise = _border(small), _sharpness(small), _noise(grey)
    found = []
    for scale in (255 / (2**bits - 1) for bits in depths):
        figures = _of_histogram(sums, below, scale)
        figures |= {"border": border * scale, "sharpness": sharpness, "noise": noise * scale}
        figures["aspect"] = grey.shape[1] / grey.shape[0]
        found.append({name: figures[name] for name in NAMES})
    return found


def _of_histogram(sums: Sequence[int], below: np.ndarray, scale: float) -> dict[str, float]:
    """Moments, quantiles and the ends of the range, from sums over the levels' powers and cumulated exact counts."""
    total, first, second, third = sums
    spread = total * second - first * first  # total squared times the variance; whole numbers of Python have no limit
    skew = total * total * third - 3 * total * first * second + 2 * first**3
    low, median, high = below.searchsorted([0.05 * total, 0.5 * total, 0.95 * total])
    dark, bright = math.floor(_DARK / scale), math.ceil(_BRIGHT / scale)
    return {
        "mean": first / total * scale,
        "std": math.sqrt(spread) / total * scale,
        "median": float(median * scale),
        "contrast": float((high - low) * scale),
        "skewness": skew / spread**1.5 if spread else 0.0,
        "black": int(below[dark]) / total,
        "white": (total - int(below[bright - 1])) / total,
    }


@cache
def _powers(levels: int) -> np.ndarray:
    """For each grey level v: 1, v, v^2, v^3, int64 (levels, 4); summed over 128 x 256 pixels of 16 bit: in 64 bits."""
    return np.arange(levels, dtype=np.int64)[:, np.newaxis] ** np.arange(4)


def _histogram(grey: np.ndarray) -> np.ndarray:
    """How many pixels have each level, int64 (256,) or (65536,); OpenCV counts in integers, fast on 8 bit."""
    if grey.dtype == np.uint8:  # OpenCV hands the counts out as float32: whole numbers below 2^24
        return cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel().astype(np.int64)
    return np.bincount(grey.ravel(), minlength=int(np.iinfo(grey.dtype).max) + 1)


def _middle(grey: np.ndarray, height: int, width: int) -> np.ndarray:
    """The pixels (height, width) in the middle of (H, W); a view."""
    top, left = (grey.shape[0] - height) // 2, (grey.shape[1] - width) // 2
    return grey[top : top + height, left : left + width]


def _border(small: np.ndarray) -> float:
    """Mean level of the frame, a twentieth of each side wide, less the mean of all."""
    down, across = (math.ceil(side / 20) for side in small.shape)
    inner = small[down:-down, across:-across]
    total, within = _sum(small), _sum(inner)
    return (total - within) / (small.size - inner.size) - total / small.size


def _sharpness(small: np.ndarray) -> float:
    """Deviation of the Laplacian over that of the grey levels, in the middle; 0 where that is flat."""
    middle = _middle(small, *(-(-side // 2) for side in small.shape))
    plain = _deviation(middle)
    return _deviation(cv2.Laplacian(middle, _whole(middle))) / plain if plain else 0.0


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
    crop = _middle(grey, *(min(side, _CROP) for side in grey.shape))
    if min(crop.shape) < 3:
        return 0.0
    residue = cv2.sepFilter2D(crop, _whole(grey), _NOISE_KERNEL, _NOISE_KERNEL)[1:-1, 1:-1]
    return math.sqrt(math.pi / 2) * cv2.norm(residue, cv2.NORM_L1) / (6 * residue.size)
