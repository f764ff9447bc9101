"""What ingest wants to know of each image file: found out by decoding it once, and remembered by the file's SHA-256."""
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import PurePosixPath

import cv2
import numpy as np
from tqdm import tqdm

from stages import work
from stages.artifacts import code_version
from stages.batches import Batch, BatchError, Location
from stages.batches.memo import Memo
from stages.crew import spread
from stages.images.decode import Undecodable, decode, image_id
from stages.images.statistics import describe
from stages.ingest.layouts import ImageKey
from stages.machine import workers

_REMEMBER_EVERY = 500  # files; what an interrupt or kill can cost


@dataclass(frozen=True)
class Fact:
    """One file: `sha256` of its bytes; `image_id`, `width`, `height` (pixels), `bit_depth` (8, 16) and `statistics` (in
    the order of the manifest's STATISTICS) of its pixels; or `reason` and `detail` why it is no image."""

    sha256: str
    image_id: str = ""
    width: int = 0
    height: int = 0
    bit_depth: int = 0
    statistics: tuple[float, ...] = ()
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Gathered:
    """Facts by (batch, path), and the work that it took: files seen, decoded now, taken from the memo."""

    facts: dict[ImageKey, Fact]
    decoded: int
    reused: int
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
        """Under which the memo keeps it."""
        return f"{self.sha256}|{self.suffix}|{self.max_pixels}|{_version()}"


def gather(images: Sequence[ImageKey], batches: Mapping[str, Batch], max_pixels: int) -> Gathered:
    """Facts of the files at (batch, path). Only files that no earlier run has seen are opened and decoded.

    BatchError where a file's bytes are not those that its batch records.
    """
    tasks = {image: _task(batches[image[0]], image[1], max_pixels) for image in images}
    memo = Memo(work.cache("ingest") / "facts.sqlite")
    try:
        known = memo.get(task.key for task in tasks.values())
        fresh = list({task.key: task for task in tasks.values() if task.key not in known}.values())
        known |= _look_at(fresh, memo)
    finally:
        memo.close()
    facts = {image: Fact(**json.loads(known[task.key])) for image, task in tasks.items()}
    return Gathered(facts, len(fresh), len(tasks) - len(fresh), memo.damaged)


def sha256_of(batch: Batch, name: str) -> str:
    """SHA-256 of a file as its batch records it; computed for files in an archive that nobody listed."""
    return batch.sha256(name) or hashlib.sha256(batch.read(name)).hexdigest()


def look_at(task: _Task) -> Fact:
    """Read and decode one file."""
    try:
        if task.place.size > (most := task.max_pixels * 8 + (1 << 20)):
            raise Undecodable("too_large", f"{task.place.size} bytes, more than {most}")
        data = task.place.read()
        if hashlib.sha256(data).hexdigest() != task.sha256:
            raise BatchError(f"{task.place.path}: changed while ingest was running; run it again")
        decoded = decode(data, task.max_pixels, task.suffix)
    except Undecodable as error:
        return Fact(task.sha256, reason=error.reason, detail=error.detail)
    height, width = decoded.pixels.shape[:2]
    return Fact(task.sha256, image_id(decoded), width, height, decoded.bit_depth, tuple(describe(decoded).values()))


def _look_at(tasks: Sequence[_Task], memo: Memo) -> dict[str, str]:
    """Facts (JSON, by memo key) of files not seen before; they are remembered as they come."""
    made: dict[str, str] = {}
    waiting: dict[str, str] = {}
    progress = tqdm(total=len(tasks), desc="decoding", unit="image", disable=not tasks)
    try:
        for index, fact in spread(look_at, tasks, workers()):
            task = tasks[index]
            fact = fact or Fact(task.sha256, reason="decoder_crashed", detail="it kills the process that decodes it")
            waiting[task.key] = json.dumps(asdict(fact), sort_keys=True)
            progress.update()
            if len(waiting) >= _REMEMBER_EVERY:
                memo.put(waiting)
                made, waiting = made | waiting, {}
    finally:
        memo.put(waiting)
        progress.close()
    return made | waiting


def _task(batch: Batch, name: str, max_pixels: int) -> _Task:
    suffix = PurePosixPath(name).suffix.lower()
    return _Task(batch.locate(name), sha256_of(batch, name), suffix, max_pixels)


_VERSION: list[str] = []


def _version() -> str:
    """Everything but the file that decides its facts: our code, OpenCV and NumPy."""
    if not _VERSION:
        code = code_version("images/decode", "images/statistics", "ingest/facts")
        _VERSION.append(hashlib.sha256(f"{code} {cv2.__version__} {np.__version__}".encode()).hexdigest()[:16])
    return _VERSION[0]
