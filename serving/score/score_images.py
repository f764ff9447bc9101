"""From an image's bytes to what the net sees and what is noted of the image: for files, and for HTTP alike."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from cxr.data.preprocessing_spec import Chain
from cxr.imaging.decode import Decoded, bounded, decode, image_id
from cxr.imaging.levels import bits_of
from cxr.imaging.preprocess import apply
from cxr.imaging.statistics import NAMES, describe
from cxr.imaging.usable import ANY_SET, Usable
from cxr.model.probabilities import calibrated
from cxr.params import Params
from serving.log.records import Scored
from serving.score.model import OpenRelease

_MET: set[str | Chain] = set()  # suffixes and chains that this process has worked with


@dataclass(frozen=True)
class ImageBounds:
    """What an image may be: most pixels, and which images a model has an answer for."""

    max_pixels: int
    usable: Usable = ANY_SET

    @classmethod
    def of(cls, params: Params) -> "ImageBounds":
        """As params.yaml sets them for the set that is in production."""
        judged = params.validate_
        return cls(params.ingest.max_pixels, Usable(judged.min_side, judged.blank_std))


@dataclass(frozen=True)
class Opened:
    """An image decoded, and the milliseconds that took."""

    source: str
    decoded: Decoded
    milliseconds: float


@dataclass(frozen=True)
class Study:
    """An image read: id of the pixels as stored; sides (pixels) upright; `bit_depth`, the bits by which its levels are
    scaled; `statistics` by `cxr.imaging.statistics.NAMES`; the net's input uint8 (size, size, channels); and the
    milliseconds from bytes to input."""

    source: str
    image_id: str
    width: int
    height: int
    bit_depth: int
    statistics: tuple[float, ...]
    pixels: np.ndarray
    milliseconds: float


def opened(source: str, data: bytes, suffix: str, chain: Chain, bounds: ImageBounds) -> Opened:
    """Decode a file's bytes. Undecodable where they are no image that comes in, or none that `chain`'s model answers.

    Within bounds of memory and time: a process of a pool is ended where the file takes too long.
    """
    with bounded(bounds.max_pixels):
        if suffix not in _MET:  # the first pays for what is loaded then, so it is read once for nothing
            decode(data, bounds.max_pixels, suffix)
            _MET.add(suffix)
        start = time.perf_counter()
        decoded = decode(data, bounds.max_pixels, suffix)
        milliseconds = _since(start)
        bounds.usable.refuse(decoded, chain.level_bits)
    return Opened(source, decoded, milliseconds)


def look(images: Sequence[Opened], chain: Chain) -> list[Study]:
    """Preprocess as in training, and describe; step by step for all of them, which is faster than image by image."""
    if images and chain not in _MET:
        apply(chain, replace(images[0].decoded))  # another one: an image keeps what it was reduced to
        _MET.add(chain)
    inputs = [_input(image, chain) for image in images]
    figures = [describe(image.decoded, bits_of(image.decoded, chain.level_bits)) for image in images]
    ids = [image_id(image.decoded) for image in images]
    return [_study(chain, *parts) for parts in zip(images, ids, figures, inputs, strict=True)]


def _study(
    chain: Chain, image: Opened, image_id: str, figures: dict[str, float], net_input: tuple[np.ndarray, float]
) -> Study:
    height, width = image.decoded.upright.shape[:2]
    return Study(
        image.source,
        image_id,
        width,
        height,
        bits_of(image.decoded, chain.level_bits),
        tuple(figures[name] for name in NAMES),
        *net_input,
    )


def _input(image: Opened, chain: Chain) -> tuple[np.ndarray, float]:
    """The net's input, and the milliseconds from bytes to it."""
    start = time.perf_counter()
    pixels = apply(chain, image.decoded)
    return pixels, image.milliseconds + _since(start)


def _since(start: float) -> float:
    """Milliseconds since `start`, a value of `time.perf_counter`."""
    return (time.perf_counter() - start) * 1000


def answer(model: OpenRelease, studies: list[Study]) -> Scored:
    """Score studies (at least one) with one model."""
    start = time.perf_counter()
    answers = model.net.answers(np.stack([study.pixels for study in studies]))
    places = -(-len(studies) // model.net.block) * model.net.block  # a short block takes the time of a full one
    share = (time.perf_counter() - start) * 1000 / places
    return Scored(
        model.release.identity,
        model.release.version,
        tuple(model.net.labels),
        datetime.now(UTC),
        tuple((study.source, study.image_id, study.width, study.height, study.bit_depth) for study in studies),
        np.array([study.statistics for study in studies], np.float32),
        answers.features,
        answers.logits,
        calibrated(answers.logits, model.net.card.calibration),
        np.array([study.milliseconds + share for study in studies], np.float32),
    )
