"""From a decoded image to the net's input: one line of named operations, the same for training and for scoring.

The aspect ratio is squeezed to a square, as NIH's and Kermany's images already are; reference boxes scale with it. Only
operations whose bytes do not depend on the processor or the number of threads are used: area averaging, bit-exact
bilinear enlarging (plain bilinear moves with IPP's instruction set on 16 bit), integer CLAHE. Not for decoding.
"""
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

import cv2
import numpy as np

from stages.images.decode import Decoded, shrink


class PreprocessSection(Protocol):
    """What of the section `preprocess` of params.yaml decides pixels."""

    @property
    def size(self) -> int:
        """Side of the result in pixels."""
    @property
    def clahe(self) -> Any:
        """`clip_limit` and `tiles`, see Chain."""


@dataclass(frozen=True)
class Chain:
    """Parameters of the preprocessing; they stand in `data/processed/chain.json` and in each model's card.

    `size`: side in pixels; `clip_limit`: CLAHE's, 0 leaves it out; `tiles`: CLAHE's grid is tiles x tiles;
    `channels`: 1 (grey) or 3 (RGB).
    """

    size: int
    clip_limit: float
    tiles: int
    channels: int

    @classmethod
    def from_params(cls, section: PreprocessSection, channels: int) -> "Chain":
        """The chain that the section `preprocess` of params.yaml asks for, for images of 1 or 3 channels."""
        return cls(section.size, float(section.clahe.clip_limit), section.clahe.tiles, channels)

    def to_dict(self) -> dict[str, Any]:
        """The parameters as they are written into JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Chain":
        """Read back what `to_dict` gave; ValueError names the keys that are missing or too many."""
        names = {field.name for field in fields(cls)}
        if wrong := names ^ content.keys():
            raise ValueError(f"preprocessing: missing or unknown {', '.join(sorted(wrong))}; expected {sorted(names)}")
        if content["channels"] not in (1, 3):
            raise ValueError(f"preprocessing: channels must be 1 or 3 (got {content['channels']!r})")
        return cls(int(content["size"]), float(content["clip_limit"]), int(content["tiles"]), int(content["channels"]))


def apply(chain: Chain, decoded: Decoded) -> np.ndarray:
    """The net's input, uint8 (size, size, channels), from a decoded image of any size, 8 or 16 bit, grey or RGB."""
    shrunk = decoded.reduced(chain.size) if chain.channels == 1 else shrink(in_colour(decoded.pixels), chain.size)
    return clahe(to_range(grow(shrunk, chain.size), decoded.bit_depth), chain)


def in_colour(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3): RGB, grey by repetition."""
    return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels


def grow(pixels: np.ndarray, size: int) -> np.ndarray:
    """(size, size[, 3]): sides that are shorter grow bilinearly."""
    if pixels.shape[:2] == (size, size):
        return pixels
    return cv2.resize(pixels, (size, size), interpolation=cv2.INTER_LINEAR_EXACT)


def to_range(pixels: np.ndarray, bit_depth: int) -> np.ndarray:
    """uint8: the full range of `bit_depth` maps to 0..255, rounded; 8-bit pixels stay as they are."""
    if pixels.dtype == np.uint8:
        return pixels
    scaled = pixels.astype(np.float64) * (255.0 / (2**bit_depth - 1))
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
