"""Copies a folder's files into a batch: loose, or packed into uncompressed archives that are the same every time."""

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cxr.core.files import atomic_file, write_text
from cxr.raw.names import MEMBERS, BatchError, fault_of, is_litter
from cxr.runtime import progress

MOST_LOOSE = 5_000  # files; above that a set is packed, since DVC is slow with many small files
_MOST_ARCHIVES = 256
_FILES_AN_ARCHIVE = 1_000


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


def listing(source: Path) -> tuple[list[str], list[str]]:
    """(files that come in, litter and hidden files that are left out), as sorted relative POSIX paths.

    BatchError names a symbolic link, a device or an unsafe name.
    """
    files, litter = [], []
    for path in sorted(_walk(source)):
        name = path.relative_to(source).as_posix()
        if is_litter(name):
            litter.append(name)
            continue
        if not stat.S_ISREG(path.lstat().st_mode):
            raise BatchError(f"{path}: a symbolic link or device; put the file itself there, or leave it out")
        if fault := fault_of(name):
            raise BatchError(f"{source}: {name!r}: {fault}; rename it")
        files.append(name)
    return files, litter


def copy(source: Path, names: Sequence[str], target: Path, *, most_loose: int = MOST_LOOSE) -> None:
    """Copy files into an empty folder, bytes untouched; more than `most_loose` are packed, tables stay loose."""
    loose = [name for name in names if len(names) <= most_loose or _stays_loose(name)]
    packed = sorted(set(names) - set(loose))
    with progress.bar(what="copying", unit="file", total=len(names)) as bar:
        for name in loose:
            with _opened(source / name) as stream, atomic_file(target / name) as out:
                while data := stream.read(1 << 20):
                    out.write(data)
            bar.update()
        lines = [
            line
            for archive, members in archives(packed)
            for line in _write_archive(source, target / archive, members, bar)
        ]
    if packed:
        write_text(target / MEMBERS, "".join(lines))


def archives(names: Sequence[str]) -> list[tuple[str, Sequence[str]]]:
    """Archive name and members, in order: about a thousand files each, 256 archives at the most."""
    if not names:
        return []
    count = min(_MOST_ARCHIVES, -(-len(names) // _FILES_AN_ARCHIVE))
    edges = [len(names) * index // count for index in range(count + 1)]
    return [(f"files-{index:03d}.tar", names[edges[index] : edges[index + 1]]) for index in range(count)]


def _write_archive(source: Path, path: Path, names: Sequence[str], bar: progress.Bar) -> Iterable[str]:
    """Write one archive (ustar, times and owners zero); lines for the list of members."""
    lines = []
    with atomic_file(path) as out, tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in names:
            with _opened(source / name) as stream:
                member = tarfile.TarInfo(name)
                member.size, member.mode = os.fstat(stream.fileno()).st_size, 0o644
                hashing = _Hashing(stream)
                try:
                    archive.addfile(member, hashing)
                except ValueError as error:
                    raise BatchError(
                        f"{source / name}: its path does not fit into an archive ({error}); shorten it"
                    ) from error
                lines.append(f"{hashing.digest.hexdigest()}  {name}\n")
            bar.update()
    return lines


def _stays_loose(name: str) -> bool:
    """Whether a file is never packed: a table or list at the top, or what is an archive already."""
    return "/" not in name or name.endswith(".tar")


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader]:
    """A file opened for reading, no link followed; BatchError where permissions forbid it."""
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
            yield stream
    except PermissionError as error:
        raise BatchError(f"{path}: may not be read; change its permissions or leave it out") from error


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder, links to folders among them, in no order."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)
