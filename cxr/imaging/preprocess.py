"""From a decoded image to the net's input: one line of named operations, the same for training and for scoring.

The aspect ratio is squeezed to a square, as NIH's and Kermany's images already are; reference boxes scale with it. Only
operations whose bytes do not depend on the processor or the number of threads are used: area averaging, bit-exact
bilinear enlarging (plain bilinear moves with IPP's instruction set on 16 bit), integer CLAHE. Not for decoding.
"""

import cv2
import numpy as np

from cxr.data.preprocessing_spec import Chain
from cxr.imaging.decode import Decoded, shrink
from cxr.imaging.levels import bits_of


def apply(chain: Chain, decoded: Decoded) -> np.ndarray:
    """The net's input, uint8 (size, size, channels), from a decoded image of any size, 8 or 16 bit, grey or RGB."""
    shrunk = decoded.reduced(chain.size) if chain.channels == 1 else shrink(in_colour(decoded.upright), chain.size)
    return clahe(to_range(grow(shrunk, chain.size), bits_of(decoded, chain.level_bits)), chain)


def in_colour(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3): RGB, grey by repetition."""
    return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels


def grow(pixels: np.ndarray, size: int) -> np.ndarray:
    """(size, size[, 3]): sides that are shorter grow bilinearly."""
    if pixels.shape[:2] == (size, size):
        return pixels
    return cv2.resize(pixels, (size, size), interpolation=cv2.INTER_LINEAR_EXACT)


def to_range(pixels: np.ndarray, bits: int) -> np.ndarray:
    """uint8: the levels of so many bits map to 0..255, rounded; 8-bit pixels stay as they are.

    The one place where levels are reduced.
    """
    if pixels.dtype == np.uint8:
        return pixels
    scaled = pixels.astype(np.float64) * (255.0 / (2**bits - 1))
    return np.rint(scaled.clip(0.0, 255.0)).astype(np.uint8)


def clahe(pixels: np.ndarray, chain: Chain) -> np.ndarray:
    """Contrast-limited adaptive histogram equalisation (Zuiderveld 1994), uint8 (size, size, channels).

    Colour images are equalised in the lightness of CIE L*a*b*; `clip_limit` 0 leaves the pixels alone.
    """
    if chain.clip_limit == 0:
        return pixels.reshape(chain.size, chain.size, chain.channels)
    equaliser = cv2.createCLAHE(chain.clip_limit, (chain.tiles, chain.tiles))
    if chain.channels == 1:
        return equaliser.apply(pixels)[:, :, np.newaxis]
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    lab[:, :, 0] = equaliser.apply(lab[:, :, 0])
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
