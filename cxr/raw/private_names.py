"""Names of files and values of tables of a private set (`ingest.public: false`): kept in one folder, for its owner.

Outputs, logs and pages of a private set carry batch, row and the SHA-256 of a file. What these stand for is written to
tables in `.runs/names/` (folder 0700, files 0600; ignored by git and DVC), and so are messages that would name a file
or a value. The folder is nobody's input: without it, the batches' own checksums still lead from a SHA-256 to a file.
"""

import contextlib
import csv
import errno
import hashlib
import hmac
import io
import logging
import os
import secrets
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath

from cxr.core.errors import UserError
from cxr.core.files import write_bytes
from cxr.data.manifest import VIEWS
from cxr.raw.batch import open_set
from cxr.raw.names import is_image
from cxr.runtime import folder_lock
from cxr.runtime.paths import RUNS

logger = logging.getLogger("cxr.private_names")  # not below cxr.raw, whose messages may name files
FOLDER = RUNS / "names"
_MINE = 0o600
_FULL = (errno.ENOSPC, errno.EDQUOT)  # said of what is written, and the stage's own words say what to do
_LONGEST = 4096  # letters of a value: a broken table can be one cell
_LEAST = 8  # letters of a key that is looked for: fewer would fit many rows by chance


@dataclass(frozen=True)
class PrivateName:
    """What an output may not say of a file or a row.

    `sha256` ("" where no file is there or it was not read), `image_id` ("" for what is no image), `batch` and `row` (as
    the outputs have it: a line, or a token), `name` (path of the file, or the name that a row gives), `patient` (as
    the source writes it), `patient_key` (as outputs have it), `outcome` (manifest, merged, absent, scored, or the
    reason of a refusal) and `detail` (of a refusal, with its values).
    """

    sha256: str = ""
    image_id: str = ""
    batch: str = ""
    row: str = ""
    name: str = ""
    patient: str = ""
    patient_key: str = ""
    outcome: str = ""
    detail: str = ""


COLUMNS = tuple(field.name for field in fields(PrivateName))
_HEADER = dict(zip(COLUMNS, COLUMNS, strict=True))


class Withheld(UserError):
    """An error whose own message names a file or value of a private set; this one says where that message stands."""


def stand_in(sha256: str, name: str) -> str:
    """What stands for a file's name in outputs: its SHA-256, with the suffix where that is an image's."""
    return f"{sha256}{PurePosixPath(name).suffix.lower() if is_image(name) else ''}" if sha256 else ""


def is_stand_in(source: str) -> bool:
    """Whether a `source` in a table is a SHA-256 in the place of a name."""
    digest = source.partition(".")[0]
    return len(digest) == 64 and set(digest) <= set("0123456789abcdef")


def view(word: str) -> str:
    """A view position, "" for a word that is none of those known: it may be anybody's name."""
    return word if word in VIEWS else ""


def token(name: str) -> str:
    """What stands for the name of a file that was not read, so that nobody knows its SHA-256: 16 hex digits that
    nobody can make without the random key in the folder."""
    path = FOLDER / "key"
    with _held():
        if not path.exists():
            write_bytes(path, secrets.token_bytes(32), _MINE)
        key = path.read_bytes()
    return hmac.new(key, name.encode("utf-8", "backslashreplace"), hashlib.sha256).hexdigest()[:16]


def write(what: str, rows: Iterable[PrivateName]) -> Path:
    """Write the table `.runs/names/<what>.csv` anew; its path."""
    path = FOLDER / f"{what}.csv"
    with _held():
        write_bytes(path, (_csv([_HEADER]) + _csv(map(asdict, rows))).encode(), _MINE)
    return path


def add(what: str, rows: Iterable[PrivateName]) -> Path:
    """Add rows to the table `.runs/names/<what>.csv`; its path."""
    path = FOLDER / f"{what}.csv"
    text = _csv(map(asdict, rows))
    with _held(), os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, _MINE), "ab") as file:
        head = "" if os.fstat(file.fileno()).st_size else _csv([_HEADER])
        file.write((head + text).encode())
    return path


def read(what: str) -> list[PrivateName]:
    """The rows of the table `.runs/names/<what>.csv`, each once; none where there is no such table."""
    path = FOLDER / f"{what}.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as stream:
        rows = [PrivateName(**{name: row.get(name) or "" for name in COLUMNS}) for row in csv.DictReader(stream)]
    return list(dict.fromkeys(rows))


def find(key: str, raw: Path = Path("data/raw")) -> list[PrivateName]:
    """The rows of all tables whose SHA-256, image id, patient's key or `row` begins with `key`; the tables in order.

    Where no table has it, the files of that SHA-256 in the batches below `raw`, by their checksums: batch, name and
    SHA-256 alone. UserError where `key` has fewer than 8 letters, BatchError where a batch is not in order.
    """
    if len(key) < _LEAST:
        raise UserError(f"{key!r}: give at least {_LEAST} letters of a SHA-256, an image id or a patient's key")
    rows = (row for path in sorted(FOLDER.glob("*.csv")) for row in read(path.stem))
    named = [
        row
        for row in rows
        if any(part.startswith(key) for part in (row.sha256, row.image_id, row.patient_key, row.row))
    ]
    return named or [
        PrivateName(sha256, batch=f"{folder.name}/{batch.name}", name=name, outcome="file")
        for folder in sorted(raw.glob("*/"))
        for batch in open_set(folder)
        for name in batch.names()
        if (sha256 := batch.sha256(name) or "").startswith(key)
    ]


@contextlib.contextmanager
def withheld(private: bool, what: str, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Where the set is private, an error within becomes one that names no file and no value (Withheld), and what
    `cxr.raw` logs within is counted in a line.

    Their own words go to `.runs/names/<what>.txt`, with the traceback of an error that nobody foresaw. Errors of the
    types `but`, whose messages name nothing of the set, pass.
    """
    if not private:
        yield
        return
    path = FOLDER / f"{what}.txt"
    with _messages_kept() as words:
        try:
            yield
        except Exception as error:
            if isinstance(error, (Withheld, *but)) or (isinstance(error, OSError) and error.errno in _FULL):
                raise
            words.append(str(error) if isinstance(error, UserError) else traceback.format_exc())
            _keep(path, words)
            raise Withheld(_said(error, path)) from None
    if words:
        _keep(path, words)
        logger.warning("%s: %d messages that name files or values of a private set are in %s", what, len(words), path)


@contextlib.contextmanager
def _messages_kept() -> Iterator[list[str]]:
    """Within, what `cxr.raw` logs goes into the list and nowhere else."""
    words: list[str] = []
    kept, raw = logging.Handler(), logging.getLogger("cxr.raw")
    kept.emit = lambda record: words.append(record.getMessage())  # type: ignore[method-assign]
    raw.addHandler(kept)
    raw.propagate = False
    try:
        yield words
    finally:
        raw.removeHandler(kept)
        raw.propagate = True


def _keep(path: Path, words: Iterable[str]) -> None:
    with contextlib.suppress(OSError), _held():  # a full disk may be what went wrong
        write_bytes(path, "".join(f"{each}\n" for each in words).encode("utf-8", "backslashreplace"), _MINE)


def _said(error: Exception, path: Path) -> str:
    """What may be said of an error: its kind, the operating system's words for it, and where the rest stands."""
    words = f"{error.strerror}: " if isinstance(error, OSError) and error.strerror else ""
    return (
        f"{words}{type(error).__name__}; the set is private (ingest.public: false): which file, row and value, and "
        f"what to do, is in {path} of the folder where this ran (a worker's goes: run it in a checkout, to see)"
    )


@contextlib.contextmanager
def _held() -> Iterator[None]:
    """The folder, made for its owner alone, and its lock."""
    FOLDER.parent.mkdir(exist_ok=True)
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    FOLDER.chmod(0o700)
    with folder_lock.held(FOLDER):
        (FOLDER / ".lock").chmod(_MINE)
        yield


def _csv(rows: Iterable[Mapping[str, str]]) -> str:
    """Rows as lines of CSV, without a header; bytes that are no text are spelt out, long values cut off."""
    text = io.StringIO(newline="")
    short = ({name: value[:_LONGEST] for name, value in row.items()} for row in rows)
    csv.DictWriter(text, COLUMNS, lineterminator="\n").writerows(short)
    return text.getvalue().encode("utf-8", "backslashreplace").decode()
