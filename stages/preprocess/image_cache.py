"""The per-image cache: processed images that outlive the outputs, one checked file each.

`<folder>/<recipe's key>/<2 hex digits>/<image id>`: the pixels, then 32 bytes of SHA-256 over key, id and pixels. A
file takes its name only when whole, so that two processes can use one cache and a kill leaves nothing wrong; power
loss is found out by the digest, so nothing waits for the disk. Files and SQLite (WAL) were both tried with 64 KiB
images: 1,600 and 1,500 a second to put, 2,900 and 4,500 to get; files need no repair. Not an output: it may be deleted
at any time.
"""

import hashlib
import logging
import math
import os
import time
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_DIGEST = 32
_ABANDONED_SECONDS = 3600

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageCache:
    """The images of one recipe, uint8 of one shape, below a folder that other recipes share."""

    folder: Path
    key: str
    shape: tuple[int, int, int]

    def ids(self) -> set[str]:
        """Ids of the images that are there; whether they are undamaged shows when they are read."""
        return {entry.name for entry in _entries(self.folder / self.key) if not entry.name.endswith(".part")}

    def get(self, image_id: str) -> np.ndarray | None:
        """One image, uint8 of `shape`, and it counts as used now; None where it is missing.

        A damaged entry is removed with a warning and counts as missing.
        """
        path = self._path(image_id)
        try:
            content = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:
            return None
        pixels = content[:-_DIGEST]
        if len(pixels) != math.prod(self.shape) or self._digest(image_id, pixels) != content[-_DIGEST:]:
            logger.warning("preprocess: %s: damaged cache entry; the image is processed again", path)
            path.unlink(missing_ok=True)
            return None
        return np.frombuffer(pixels, np.uint8).reshape(self.shape)

    def put(self, image_id: str, image: np.ndarray) -> None:
        """Store one image; OSError (disk full) names the cache and leaves no entry."""
        path = self._path(image_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{image_id}.{os.getpid()}.part")
        pixels = image.tobytes()
        try:
            temporary.write_bytes(pixels + self._digest(image_id, pixels))
            temporary.replace(path)
        except OSError as error:
            error.filename = str(self.folder)
            raise
        finally:
            temporary.unlink(missing_ok=True)

    def bytes_for(self, images: int) -> int:
        """Bytes on disk that so many entries take."""
        block = 4096
        return images * -(-(math.prod(self.shape) + _DIGEST) // block) * block

    def trim(self, limit: int, keep: Container[str] = ()) -> int:
        """Remove what was least recently used, of any recipe, until `limit` bytes or less are on disk; bytes left.

        Images of this recipe whose id is in `keep` stay, also where that breaks the limit. Pieces that a killed run
        left are removed after an hour.
        """
        aged, total = [], 0
        for entry in _entries(self.folder):
            stat = _stat(entry)
            if stat is None:
                continue
            total += stat.st_blocks * 512
            needed = entry.name in keep and Path(entry.path).parent.parent.name == self.key
            abandoned = entry.name.endswith(".part") and stat.st_mtime < time.time() - _ABANDONED_SECONDS
            if entry.name.endswith(".part") and not abandoned:
                continue  # somebody writes it: another process may share this cache
            aged.append((not abandoned, needed, stat.st_mtime_ns, entry.path, stat.st_blocks * 512))
        for whole, needed, _, path, size in sorted(aged):
            if whole and (needed or total <= limit):
                break
            Path(path).unlink(missing_ok=True)
            total -= size
        return total

    def _path(self, image_id: str) -> Path:
        """Where the cache keeps an image."""
        return self.folder / self.key / image_id[:2] / image_id

    def _digest(self, image_id: str, pixels: bytes) -> bytes:
        """SHA-256 (32 bytes) over the recipe's key, the image's id and its pixels."""
        return hashlib.sha256(f"{self.key} {image_id} ".encode() + pixels).digest()


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """All files below a folder; what vanishes meanwhile (another process trims) is passed over."""
    try:
        inside = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in inside:
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(Path(entry.path))
        else:
            yield entry


def _stat(entry: "os.DirEntry[str]") -> os.stat_result | None:
    """An entry's file status; None where another process has just removed it."""
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
