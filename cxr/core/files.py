"""How every file is written (whole or not at all, canonical bytes) and how its bytes are checked.

Canonical: the same content gives the same bytes, so that DVC's hashes mean something. Not for image decoding.
"""

import contextlib
import csv
import errno
import hashlib
import io
import json
import math
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from cxr.core.errors import HashMismatch, UserError

CHECKSUMS = "SHA256SUMS"


@contextlib.contextmanager
def atomic_file(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Open a temporary sibling of `path` for binary writing; it takes the final name only when all was written.

    Its permissions are `mode` less the umask. Raises OSError (disk full, no permission) with the final name untouched
    and the temporary file removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.name[:40]}.{secrets.token_hex(6)}.part"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary sibling folder that replaces `path` when the block ends without an error.

    What a killed run left under the temporary name is removed first: one writer at a time.
    """
    temporary = path.parent / f".{path.name}.part"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if path.exists():
            shutil.rmtree(path)
        Path(temporary).replace(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_bytes(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file whole or not at all; permissions as `atomic_file` sets them."""
    with atomic_file(path, mode) as stream:
        stream.write(content)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text whole or not at all."""
    write_bytes(path, content.encode())


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, two spaces and a final newline. NaN and infinities raise ValueError: write "n/a"."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write canonical JSON whole or not at all."""
    write_text(path, canonical_json(value))


def read_json(path: Path) -> Any:
    """Read a JSON file; ValueError names the file where it does not parse."""
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not JSON: {error}") from error


def number(value: float, digits: int = 6) -> float | str:
    """A metric as it is written: rounded to `digits` decimals, "n/a" where it is not finite."""
    return round(float(value), digits) if math.isfinite(value) else "n/a"


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows (mappings with the given columns) as CSV with a header, commas and newlines, whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


class NotAPlainFile(UserError):
    """Where a file was looked for stands something else; the message names it."""


def open_regular(path: Path, *, follow: bool = False) -> io.BufferedReader:
    """A plain file opened for reading, whatever has been put in its place since it was listed.

    NotAPlainFile for a link (unless `follow`), folder, pipe, socket or device: none of them is waited for. OSError as
    from `open`.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        handle = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP and not follow:
            raise NotAPlainFile(f"{path}: a symbolic link, which is not followed; put the file itself there") from error
        if error.errno == errno.ENXIO:
            raise NotAPlainFile(f"{path}: a socket or device, not a file; take it away") from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotAPlainFile(f"{path}: a folder, pipe or device, not a file; take it away")
    return os.fdopen(handle, "rb")


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes. NotAPlainFile where it is none; links are followed."""
    with open_regular(path, follow=True) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_tree(folder: Path, pattern: str = "*") -> str:
    """SHA-256 over the sorted names and hashes of a folder's files; `__pycache__` does not count."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob(pattern) if p.is_file() and "__pycache__" not in p.parts):
        digest.update(f"{sha256_file(path)}  {path.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()


def write_checksums(folder: Path) -> None:
    """Write `SHA256SUMS`: hash and relative path of every file of the folder but itself, sorted by path."""
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    lines = [f"{sha256_file(folder / name)}  {name}\n" for name in files if name != CHECKSUMS]
    write_text(folder / CHECKSUMS, "".join(lines))


def read_checksums(folder: Path) -> dict[str, str]:
    """Relative path to SHA-256, as `write_checksums` wrote them. FileNotFoundError where the folder has none,
    HashMismatch where a line is not of that form."""
    return checksum_lines(folder / CHECKSUMS)


def checksum_lines(path: Path) -> dict[str, str]:
    """Name to SHA-256 in a file with a line `<SHA-256>  <name>` for each. HashMismatch names a line of another form.

    Lines end with a newline alone: a name may hold whatever else Unicode, or Python, takes for the end of a line.
    """
    found = {}
    for number, line in enumerate(path.read_bytes().decode(errors="surrogateescape").split("\n"), 1):
        sha, gap, name = line.partition("  ")
        if gap:
            found[name] = sha
        elif line:
            raise HashMismatch(f"{path} line {number}: not `<SHA-256>  <name>`: {line[:80]!r}")
    return found


def verify_checksums(folder: Path) -> None:
    """Compare every file with its checksum; HashMismatch names the first that is changed, missing or has none."""
    recorded = read_checksums(folder)
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {CHECKSUMS}
    for name in sorted(recorded.keys() | present):
        if name not in present:
            raise HashMismatch(f"{folder / name}: in {folder / CHECKSUMS} but missing")
        if name not in recorded:
            raise HashMismatch(f"{folder / name}: not in {folder / CHECKSUMS}")
        if sha256_file(folder / name) != recorded[name]:
            raise HashMismatch(f"{folder / name}: its SHA-256 is not the one in {folder / CHECKSUMS}")
