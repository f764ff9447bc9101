"""What ingest wants to know of each image file: found out by decoding it once, and remembered by the file's SHA-256."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import simplejpeg

from cxr.core.code_version import code_version
from cxr.core.environment import workers
from cxr.core.files import canonical_json
from cxr.imaging import levels
from cxr.imaging.decode import Decoded, bounded, decode, image_id
from cxr.imaging.formats.undecodable import Undecodable
from cxr.imaging.statistics import describe_at
from cxr.raw.batch import Batch, Location
from cxr.raw.fact_cache import FactCache
from cxr.raw.layouts.base import ImageKey
from cxr.raw.names import BatchError
from cxr.runtime import paths, progress
from cxr.runtime.process_pool import Lost, map_unordered
from stages.ingest import earlier

LOST = {Lost.KILLED: "decoder_crashed", Lost.TOO_SLOW: "too_slow"}
_REMEMBER_EVERY = 500  # files; what an interrupt or kill can cost


@dataclass(frozen=True)
class Fact:
    """One file: `sha256` of its bytes; `image_id`, `width`, `height` (pixels, upright), `stored_bits` (8, 16) and
    `orientation` (EXIF's number) of its pixels; or `reason` and `detail` why it is no image.

    `depths`: bits by which its levels may be scaled, in order; `by_sbit`: there is but one, as the file says so;
    `statistics`: for each of the depths in the order of the manifest's STATISTICS.
    """

    sha256: str
    image_id: str = ""
    width: int = 0
    height: int = 0
    stored_bits: int = 0
    orientation: int = 1
    depths: tuple[int, ...] = ()
    by_sbit: bool = False
    statistics: tuple[tuple[float, ...], ...] = ()
    reason: str = ""
    detail: str = ""

    def as_json(self) -> str:
        """As it is remembered. (`dataclasses.asdict` copies every figure and takes a tenth of the time of a file.)"""
        return json.dumps(vars(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Fact":
        """Read back what was remembered."""
        content = json.loads(text)
        statistics = tuple(map(tuple, content["statistics"]))
        return cls(**{**content, "depths": tuple(content["depths"]), "statistics": statistics})


@dataclass(frozen=True)
class Gathered:
    """Facts by (batch, path), and the work that it took: files decoded now, taken from the fact cache, or from what an
    earlier run recorded; cache entries that were damaged."""

    facts: dict[ImageKey, Fact]
    decoded: int
    reused: int
    from_previous_output: int
    damaged: int


@dataclass(frozen=True)
class _Task:
    """A file to look at: where its bytes are and what they hash to, its suffix, and the bound on its pixels."""

    place: Location
    sha256: str
    suffix: str
    max_pixels: int

    @cached_property
    def key(self) -> str:
        """Under which the fact cache keeps the file's facts."""
        return f"{self.sha256}|{self.suffix}|{self.max_pixels}|{_version()}"


def gather(images: Sequence[ImageKey], batches: Mapping[str, Batch], max_pixels: int) -> Gathered:
    """Facts of the files at (batch, path). Only files that no earlier run has seen, here or elsewhere, are decoded.

    BatchError where a file's bytes are not those that its batch records.
    """
    tasks = {image: _task(batches[image[0]], image[1], max_pixels) for image in images}
    cache = FactCache(paths.cache("ingest") / "facts.sqlite")
    try:
        known = cache.get(task.key for task in tasks.values())
        taken = _from_earlier([task for task in tasks.values() if task.key not in known], max_pixels)
        cache.put(taken)
        known |= taken
        fresh = list({task.key: task for task in tasks.values() if task.key not in known}.values())
        known |= _decode_all(fresh, cache)
    finally:
        cache.close()
    facts = {image: Fact.from_json(known[task.key]) for image, task in tasks.items()}
    previous = sum(task.key in taken for task in tasks.values())
    return Gathered(facts, len(fresh), len(tasks) - len(fresh) - previous, previous, cache.damaged)


def sha256_of(batch: Batch, name: str) -> str:
    """SHA-256 of a file as its batch records it; computed for files in an archive that nobody listed."""
    return batch.sha256(name) or hashlib.sha256(batch.read(name)).hexdigest()


def decode_file(task: _Task) -> Fact:
    """Read and decode one file."""
    try:
        if task.place.size > (most := task.max_pixels * 8 + (1 << 20)):
            raise Undecodable("too_large", f"{task.place.size} bytes, more than {most}")
        data = task.place.read()
        if hashlib.sha256(data).hexdigest() != task.sha256:
            raise BatchError(f"{task.place.path}: changed while ingest was running; run it again")
        with bounded(task.max_pixels):
            return fact_of(task.sha256, decode(data, task.max_pixels, task.suffix))
    except Undecodable as error:
        return Fact(task.sha256, reason=error.reason, detail=error.detail)


def fact_of(sha256: str, decoded: Decoded) -> Fact:
    """What is to be known of a decoded file."""
    height, width = decoded.upright.shape[:2]
    depths = levels.possible(decoded)
    statistics = tuple(tuple(figures.values()) for figures in describe_at(decoded, depths))
    said = levels.by_sbit(decoded) is not None
    return Fact(
        sha256, image_id(decoded), width, height, decoded.bit_depth, decoded.orientation, depths, said, statistics
    )


def facts_by(max_pixels: int) -> dict[str, Any]:
    """Everything but the files that decides their facts: our code, the libraries, the bound on an image's pixels."""
    code = code_version(
        "cxr/imaging/decode.py",
        "cxr/imaging/formats",
        "cxr/imaging/levels.py",
        "cxr/imaging/statistics.py",
        "stages/ingest/facts.py",
    )
    libraries = {"numpy": np.__version__, "opencv": cv2.__version__, "simplejpeg": simplejpeg.__version__}
    return {"code_version": code, "max_pixels": max_pixels, **libraries}


def _from_earlier(tasks: Sequence[_Task], max_pixels: int) -> dict[str, str]:
    """Facts (JSON, by the cache's key) that the earlier manifest holds."""
    found = earlier.find({(task.sha256, task.suffix) for task in tasks}, facts_by(max_pixels))
    known = ((task.key, found.get((task.sha256, task.suffix))) for task in tasks)
    return {key: Fact(**fact).as_json() for key, fact in known if fact}


def _decode_all(tasks: Sequence[_Task], cache: FactCache) -> dict[str, str]:
    """Facts (JSON, by the cache's key) of files not seen before; they are remembered as they come."""
    found: dict[str, str] = {}
    waiting: dict[str, str] = {}
    bar = progress.bar(what="decoding", unit="image", total=len(tasks), show=bool(tasks))
    try:
        for index, fact in map_unordered(decode_file, tasks, workers()):
            task = tasks[index]
            if isinstance(fact, Lost):
                fact = Fact(task.sha256, reason=LOST[fact], detail=fact.value)
            waiting[task.key] = fact.as_json()
            bar.update()
            if len(waiting) >= _REMEMBER_EVERY:
                cache.put(waiting)
                found, waiting = found | waiting, {}
    finally:
        cache.put(waiting)
        bar.close()
    return found | waiting


def _task(batch: Batch, name: str, max_pixels: int) -> _Task:
    """What there is to do for one file of a batch."""
    return _Task(batch.locate(name), sha256_of(batch, name), earlier.suffix_of(name), max_pixels)


_VERSION: list[str] = []


def _version() -> str:
    """16 hex digits over code and libraries."""
    if not _VERSION:
        _VERSION.append(hashlib.sha256(canonical_json(facts_by(0)).encode()).hexdigest()[:16])
    return _VERSION[0]
