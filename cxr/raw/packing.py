"""Copies a folder's files into a batch: loose, or packed into uncompressed archives that are the same every time."""

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from cxr.core.files import NotAPlainFile, atomic_file, open_regular, write_text
from cxr.raw.batch import members
from cxr.raw.names import MEMBERS, BatchError, fault_of, unreadable
from cxr.runtime import progress
from cxr.runtime.litter import is_litter

MOST_LOOSE = 5_000  # files; above that a set is packed, since DVC is slow with many small files
_MOST_ARCHIVES = 256
_FILES_AN_ARCHIVE = 1_000
Opener = Callable[[str], AbstractContextManager[io.BufferedReader]]


class _Hashing(io.RawIOBase):
    """Hands a file's bytes on and hashes what went through."""

    def __init__(self, stream: io.BufferedReader) -> None:
        """`stream`: the open file; `digest` grows as it is read."""
        self._stream, self.digest = stream, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """As `io.RawIOBase.read`; what was read counts in the digest."""
        data = self._stream.read(size)
        self.digest.update(data)
        return data


Mark = tuple[int, int]  # what changes when a file is written to: size and time (inodes are not stable everywhere)


@dataclass(frozen=True)
class Listing:
    """A folder's files: sorted relative POSIX paths with their marks; `litter` is left out (a folder ends in `/`)."""

    files: dict[str, Mark]
    litter: tuple[str, ...]


def listing(source: Path) -> Listing:
    """What is in a folder. BatchError names a symbolic link, a device, an unsafe name or a folder that is closed."""
    files, litter, unsafe = {}, [], []
    for name, status in sorted(_walk(source, "")):
        if status is None:
            litter.append(name)
            continue
        if not stat.S_ISREG(status.st_mode):
            raise BatchError(f"{source / name}: a symbolic link or device; put the file itself there, or leave it out")
        if fault := fault_of(name):
            unsafe.append(f"{name!r}: {fault}")
        files[name] = _mark(status)
    if unsafe:
        more = f" (and so for {len(unsafe) - 1} more)" if len(unsafe) > 1 else ""
        raise BatchError(f"{source}: {unsafe[0]}; rename it{more}")
    return Listing(files, tuple(litter))


def copy(
    source: Path,
    names: Sequence[str],
    target: Path,
    *,
    marks: Mapping[str, Mark] = MappingProxyType({}),
    most_loose: int = MOST_LOOSE,
) -> None:
    """Copy files into an empty folder, bytes untouched; more than `most_loose` are packed, tables stay loose.

    BatchError where a file can't be read, or is not what it was when it was listed (`marks`) by the end of its copying.
    """
    opened = partial(_opened, source, marks)
    loose = [name for name in names if len(names) <= most_loose or _stays_loose(name)]
    packed = sorted(set(names) - set(loose))
    with progress.bar(what="copying", unit="file", total=len(names)) as bar:
        for name in loose:
            with opened(name) as stream, atomic_file(target / name) as out:
                while data := stream.read(1 << 20):
                    out.write(data)
            bar.update()
        lines = [line for name in loose if name.endswith(".tar") for line in _lines_of(target / name)]
        for archive, packed_here in archives(packed):
            lines += _write_archive(opened, target / archive, packed_here, bar)
    if lines:
        write_text(target / MEMBERS, "".join(lines))


def _lines_of(archive: Path) -> Iterator[str]:
    """A line for the list of members for each file in an archive that came in as it is."""
    for name, place in members(archive):
        yield f"{hashlib.sha256(place.read()).hexdigest()}  {name}\n"


def archives(names: Sequence[str]) -> list[tuple[str, Sequence[str]]]:
    """Archive name and members, in order: about a thousand files each, 256 archives at the most."""
    if not names:
        return []
    count = min(_MOST_ARCHIVES, -(-len(names) // _FILES_AN_ARCHIVE))
    edges = [len(names) * index // count for index in range(count + 1)]
    return [(f"files-{index:03d}.tar", names[edges[index] : edges[index + 1]]) for index in range(count)]


def _write_archive(opened: Opener, path: Path, names: Sequence[str], bar: progress.Bar) -> Iterable[str]:
    """Write one archive (ustar, times and owners zero); lines for the list of members."""
    lines = []
    with atomic_file(path) as out, tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names:
            with opened(name) as stream:
                member = tarfile.TarInfo(name)
                member.size, member.mode = os.fstat(stream.fileno()).st_size, 0o644
                hashing = _Hashing(stream)
                try:
                    archive.addfile(member, hashing)
                except ValueError as error:
                    raise BatchError(f"{name}: its path does not fit into an archive ({error}); shorten it") from error
                lines.append(f"{hashing.digest.hexdigest()}  {name}\n")
            bar.update()
    return lines


def _stays_loose(name: str) -> bool:
    """Whether a file is never packed: a table or list at the top, or what is an archive already."""
    return "/" not in name or name.endswith(".tar")


@contextmanager
def _opened(source: Path, marks: Mapping[str, Mark], name: str) -> Iterator[io.BufferedReader]:
    """A file opened for reading, no link followed and no pipe waited for; BatchError as `copy` raises it."""
    path = source / name
    with _open(path) as stream:
        before = _mark(os.fstat(stream.fileno()))
        if marks.get(name, before) == before:
            try:
                yield stream
            except OSError:  # also tarfile's, of a file that ends too early
                if _mark(os.fstat(stream.fileno())) == before:
                    raise
            if _mark(os.fstat(stream.fileno())) == before:
                return
    raise BatchError(
        f"{path}: changed while it was being added; wait until nothing writes to {source}, and add it again"
    )


def _open(path: Path) -> io.BufferedReader:
    """An open file; BatchError where it is gone, closed, or became a link."""
    try:
        return open_regular(path)
    except NotAPlainFile as error:
        raise BatchError(f"{path}: changed while it was being added: {str(error).removeprefix(f'{path}: ')}") from error
    except FileNotFoundError as error:
        raise BatchError(
            f"{path}: is gone since it was listed; add the folder again when nothing changes it"
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error


def _mark(status: os.stat_result) -> Mark:
    return status.st_size, status.st_mtime_ns


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, os.stat_result | None]]:
    """(path, status) of every file below a folder, links to folders among them, in no order; None for litter, whose
    folders are not looked into."""
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise unreadable(folder, error) from error
    for entry in entries:
        name, is_folder = prefix + entry.name, entry.is_dir(follow_symlinks=False)
        if is_litter(entry.name):
            yield name + "/" * is_folder, None
        elif is_folder:
            yield from _walk(folder / entry.name, f"{name}/")
        else:
            yield name, entry.stat(follow_symlinks=False)
