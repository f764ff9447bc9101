"""One batch of a raw set: its files, loose or inside uncompressed tar archives, read in place and never extracted."""

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cxr.core.files import CHECKSUMS, checksum_lines, open_regular, read_checksums, sha256_file
from cxr.raw.image_names import NameIndex
from cxr.raw.names import MEMBERS, OWN, BatchError, fault_of, in_order, is_batch_name
from cxr.runtime.dvc_cache import object_behind


@dataclass(frozen=True)
class Location:
    """Where a file's bytes lie: a file on disk, from `offset`, `size` bytes."""

    path: Path
    offset: int
    size: int

    def read(self, limit: int | None = None) -> bytes:
        """The bytes; BatchError where there are more than `limit` or fewer than there should be, else as `head`."""
        if limit is not None and self.size > limit:
            raise BatchError(f"{self.path}: {self.size} bytes, more than the {limit} that are read")
        data = self.head(self.size)
        if len(data) != self.size:
            raise BatchError(f"{self.path}: changed while it was read")
        return data

    def head(self, most: int) -> bytes:
        """The first bytes, at most `most` of them. NotAPlainFile where a link, pipe or device took the file's place."""
        with open_regular(self.path) as stream:
            stream.seek(self.offset)
            return stream.read(min(self.size, most))


class Batch:
    """A folder below `data/raw/<set>`: `name`, `folder`, `checksum` (SHA-256 of its SHA256SUMS, "" without)."""

    def __init__(self, folder: Path, name: str = "", only: Collection[str] | None = None) -> None:
        """List the folder and its archives. BatchError names a link, device, unsafe or doubled name.

        A folder that is not a batch yet is read as one that will be called `name` and have `only` these of its files.
        """
        self.name, self.folder = name or folder.name, folder
        listed = _files(folder, "") if only is None else ((name, folder / name) for name in only)
        self._paths = dict(sorted(listed))
        self.files = {name: path.lstat().st_size for name, path in self._paths.items()}
        self.checksum = sha256_file(folder / CHECKSUMS) if CHECKSUMS in self.files else ""
        self._places = self._all_places()

    def names(self) -> list[str]:
        """Sorted relative POSIX paths of all files, those in archives included, the batch's own records left out."""
        return list(self._places)

    def locate(self, name: str) -> Location:
        """Where a file's bytes are. KeyError for a name that the batch does not have."""
        return self._places[name]

    def read(self, name: str, limit: int | None = None) -> bytes:
        """A file's bytes. BatchError where the batch has no such file, or it is larger than `limit` bytes."""
        if name not in self._places:
            raise BatchError(f"{self.folder}: has no file {name!r}")
        return self._places[name].read(limit)

    def sha256(self, name: str) -> str | None:
        """The file's SHA-256 as recorded in the batch; None for a file in an archive that nobody listed."""
        return self._recorded.get(name)

    def file_of(self, source: str, sha256: str) -> str:
        """The path that a manifest's row means: its `source`, or, where a private set's row has the file's SHA-256
        there, the first file of these bytes. BatchError where the batch has none."""
        if not sha256 or not source.startswith(sha256):
            return source
        if sha256 not in self._by_sha256:
            raise BatchError(f"{self.folder}: has no file of SHA-256 {sha256}")
        return self._by_sha256[sha256]

    @cached_property
    def _by_sha256(self) -> dict[str, str]:
        """SHA-256 to the first path of these bytes; files in archives that nobody listed are read for it."""
        hashes = ((self.sha256(name) or hashlib.sha256(self.read(name)).hexdigest(), name) for name in self._places)
        return dict(sorted(hashes, reverse=True))

    @cached_property
    def images(self) -> NameIndex:
        """The batch's files by the names that a table may give them."""
        return NameIndex(self._places)

    @cached_property
    def _recorded(self) -> dict[str, str]:
        """Path to the SHA-256 that the batch's own lists record."""
        recorded = read_checksums(self.folder) if self.checksum else {}
        if MEMBERS in self.files:
            recorded |= checksum_lines(self.folder / MEMBERS)
        return recorded

    def _all_places(self) -> dict[str, Location]:
        """Path to the place of every file, archives opened; BatchError where a path is there twice."""
        locations: dict[str, Location] = {}
        for name, size in self.files.items():
            if name in OWN:
                continue
            path = self._paths[name]
            inside = members(path) if name.endswith(".tar") else [(name, Location(path, 0, size))]
            for inner, location in inside:
                if inner in locations:
                    raise BatchError(f"{path}: {inner!r} is in the batch twice")
                locations[inner] = location
        return dict(sorted(locations.items()))


def open_set(folder: Path) -> list[Batch]:
    """The batches of `data/raw/<set>`, in order; nothing is hashed (see `cxr.raw.checksums.verify_set`).

    BatchError where the folder is missing or empty, holds files beside its batches, or a batch is not in order.
    """
    if not folder.is_dir():
        raise BatchError(
            f"{folder}: is not there; `dvc pull {folder}` gets it, `make add-batch SET={folder.name} FROM=...` makes it"
        )
    entries = sorted((p for p in folder.iterdir() if not p.name.startswith(".")), key=lambda p: in_order(p.name))
    for path in entries:
        if path.is_symlink() or not path.is_dir() or not is_batch_name(path.name):
            raise BatchError(f"{path}: only folders of batches may stand here; move it away and use make add-batch")
    if not entries:
        raise BatchError(f"{folder}: has no batch; `make add-batch SET={folder.name} FROM=...` adds one")
    return [Batch(path) for path in entries]


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    """(relative path, where its bytes are) of every file below a folder; BatchError names what is neither file nor
    folder. Of links only DVC's own, into its cache, are followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name, kind = prefix + entry.name, entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(kind.st_mode):
                yield from _files(folder / entry.name, name + "/")
            elif not stat.S_ISREG(kind.st_mode) and not (entry.is_symlink() and object_behind(folder / entry.name)):
                what = "a symbolic link" if entry.is_symlink() else "a device, pipe or socket"
                raise BatchError(f"{entry.path}: {what}; a batch holds plain files only")
            elif fault := fault_of(name):
                raise BatchError(f"{folder}: {name!r}: {fault}; rename it")
            else:
                path = folder / entry.name
                yield name, object_behind(path) or path if entry.is_symlink() else path


def members(path: Path) -> list[tuple[str, Location]]:
    """Name and place of each file in an uncompressed tar archive; BatchError for links, devices and unsafe names."""
    found = []
    try:
        with open_regular(path) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                if member.isdir():
                    continue
                fault = fault_of(name) if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) else "not a plain file"
                if fault:
                    raise BatchError(f"{path}: member {member.name!r}: {fault}; nothing of this batch is read")
                found.append((name, Location(path, member.offset_data, member.size)))
    except (tarfile.TarError, io.UnsupportedOperation, EOFError) as error:
        raise BatchError(f"{path}: not an uncompressed tar archive ({error})") from error
    end = path.stat().st_size
    if cut := next((name for name, place in found if place.offset + place.size > end), None):
        raise BatchError(f"{path}: is cut off inside member {cut!r}")
    return found
