"""From a table's bytes to its lines: unzipped as they are read, bounded before they cost much, UTF-8 or refused.

What stands between two line breaks is a line, whatever it holds: no cell goes on over a line break, so that a quote
that is never closed costs the line on which it opens and nothing behind it. Line breaks are \\n, \\r\\n and \\r.
"""

import errno
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cxr.core.errors import UserError
from cxr.core.files import open_regular

SAVE_AS = "save it as CSV, UTF-8, separated by commas"
MOST_BYTES = 1 << 28  # of a table once unzipped: ChestX-ray14's has 8 MB
MOST_LINES = 500_000  # ChestX-ray14's table has 112,121
MOST_UNZIPPED = 100  # times its size, that a gzipped table may unzip to: those of real sets do 10 to 30 times
_ALWAYS_UNZIPPED = 1 << 22  # bytes
LONGEST_LINE = 1 << 17  # bytes
_CHUNK = 1 << 20
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_OTHER_KINDS = (  # how files begin that are no text in UTF-8, and what they are
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"PK\x03\x04", "a spreadsheet's own file or a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"\x1f\x8b", "gzipped without .gz in its name"),
    (b"\x89PNG", "a picture"),
)


def contents(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """The bytes of a plain file; UserError where it is none, is larger than `most_bytes` or can't be opened."""
    try:
        with open_regular(path, follow=True) as stream:  # a pipe must not make it wait
            return _bounded(path, stream.read(most_bytes + 1), most_bytes)
    except OSError as error:
        raise unreadable(path, error) from error


def lines(path: Path, data: bytes, most_bytes: int = MOST_BYTES) -> Iterator[tuple[int, str]]:
    """(number, text) of every line, without its line break and without a byte order mark.

    UserError names file and line: the file is damaged, has more bytes, more or longer lines than are read, is not text
    in UTF-8, or holds control characters.
    """
    number = 0
    try:
        for number, line in enumerate(_split(path, _chunks(path, data, most_bytes)), 1):
            if number > MOST_LINES:
                raise _too_many_lines(path)
            text = line.decode("utf-8")
            if found := _CONTROL.search(text):
                raise UserError(f"{path} line {number}: a control character (code {ord(found[0])}); {SAVE_AS}")
            yield number, text
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise UserError(f"{path} line {number}: byte 0x{byte:02x} is not UTF-8 (Windows-1252?); {SAVE_AS}") from error


def refuse_too_many_lines(path: Path, data: bytes, most_bytes: int = MOST_BYTES) -> None:
    """UserError as `lines` raises it for too many bytes or lines, before anything is made of a line."""
    breaks = 0
    for chunk in _chunks(path, data, most_bytes):
        breaks += chunk.count(b"\n")
        if breaks > MOST_LINES:
            raise _too_many_lines(path)


def unreadable(path: Path, error: Exception) -> UserError:
    """What to say of a file that can't be opened or unzipped."""
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    missing = isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.EACCES, errno.ENOTDIR)
    return UserError(f"{path}: cannot be read as a table ({why})" + ("" if missing else "; get it again"))


def _chunks(path: Path, data: bytes, most_bytes: int) -> Iterator[bytes]:
    """The file's bytes piece by piece, unzipped where its name ends in .gz."""
    stream: BinaryIO = io.BytesIO(data)
    zipped = path.name.lower().endswith(".gz")
    if zipped:
        stream = gzip.GzipFile(fileobj=stream)  # type: ignore[assignment]
        most_bytes = min(most_bytes, max(_ALWAYS_UNZIPPED, MOST_UNZIPPED * len(data)))
    left = most_bytes
    try:
        while chunk := stream.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise _too_large(path, most_bytes, " unzipped" if zipped else "")
            yield chunk
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from error


def _split(path: Path, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Lines of bytes without their line breaks and the mark of UTF-8; no more than a chunk and a line is held."""
    rest = _beginning(path, chunks)
    for chunk in chunks:
        whole, found, rest = _plain(rest + chunk).rpartition(b"\n")
        yield from _short_enough(path, whole.split(b"\n") if found else [], rest)
    whole = _plain(rest, last=True)
    yield from _short_enough(path, whole.removesuffix(b"\n").split(b"\n") if whole else [], b"")


def _beginning(path: Path, chunks: Iterator[bytes]) -> bytes:
    """The first chunk, if it can be the start of text in UTF-8."""
    first = next(chunks, b"")
    if kind := next((kind for mark, kind in _OTHER_KINDS if first.startswith(mark)), None):
        raise UserError(f"{path}: is {kind}; {SAVE_AS}")
    return first.removeprefix(b"\xef\xbb\xbf")


def _plain(data: bytes, *, last: bool = False) -> bytes:
    """Bytes with \\n as the only line break; a \\r at the end waits for what follows it, but in the last piece."""
    if data.endswith(b"\r") and not last:
        return data[:-1].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + b"\r"
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _short_enough(path: Path, whole: list[bytes], rest: bytes) -> list[bytes]:
    """The lines, if neither they nor what is held of the next one is too long."""
    if max(map(len, [*whole, rest])) > LONGEST_LINE:
        raise UserError(f"{path}: a line of more than {LONGEST_LINE} bytes; {SAVE_AS}")
    return whole


def _bounded(path: Path, data: bytes, most_bytes: int) -> bytes:
    if len(data) > most_bytes:
        raise _too_large(path, most_bytes, "")
    return data


def _too_many_lines(path: Path) -> UserError:
    return UserError(f"{path}: more than {MOST_LINES} lines; make several batches of it")


def _too_large(path: Path, most_bytes: int, how: str) -> UserError:
    return UserError(f"{path}: more than {most_bytes} bytes{how}; make several batches of it")
