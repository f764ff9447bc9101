"""The one reader of tables: CSV files and lists of names, plain or gzipped, in a batch or beside scored images.

It goes from bytes to text and from text to cells, and names file and line of what is wrong. What the columns mean is a
layout's business.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cxr.core.errors import UserError
from cxr.raw.batch import Batch

_MOST_BYTES = 1 << 30  # of a table once unzipped: ChestX-ray14's has 8 MB


@dataclass(frozen=True)
class TableFile:
    """A table's text, decoded from UTF-8 without its byte order mark; `path` names it in error messages."""

    path: Path
    text: str

    @classmethod
    def in_batch(cls, batch: Batch, name: str) -> "TableFile":
        """A table of a batch, loose or in an archive. UserError where it is too large, damaged or not UTF-8."""
        path = batch.folder / name
        try:
            return cls(path, _decoded(path, batch.read(name, _MOST_BYTES), _MOST_BYTES, "strict"))
        except OSError as error:
            raise _unreadable(path, error) from error

    @classmethod
    def on_disk(cls, path: Path, most_bytes: int = _MOST_BYTES, errors: str = "strict") -> "TableFile":
        """A table that stands in no batch; `errors` is what to do with bytes that are not UTF-8, as `bytes.decode` has
        it. UserError where it is larger than `most_bytes`, damaged, can't be opened or is not UTF-8."""
        try:
            with path.open("rb") as stream:
                data = stream.read(most_bytes + 1)
        except OSError as error:
            raise _unreadable(path, error) from error
        return cls(path, _decoded(path, data, most_bytes, errors))

    def lines(self) -> list[str]:
        """The lines of a list of names, without outer spaces, empty ones left out."""
        return [line.strip() for line in self.text.splitlines() if line.strip()]

    def cells(self) -> Iterator[tuple[int, list[str]]]:
        """(line number, cells without outer spaces), header first, empty lines left out. UserError: it is no CSV."""
        reader = csv.reader(io.StringIO(self.text, newline=""))
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, [cell.strip() for cell in cells]
        except csv.Error as error:
            raise UserError(f"{self.path} line {reader.line_num}: not CSV ({error})") from error

    def rows(self, *needed: str) -> Iterator[tuple[int, dict[str, str]]]:
        """(line number, column to cell) below the header. Of a short row the `needed` columns are there and empty, the
        others are not there; cells beyond the header are dropped. UserError where the header lacks a needed column."""
        rows = self.cells()
        header = next(rows, (0, []))[1]
        if missing := [column for column in needed if column not in header]:
            raise UserError(f"{self.path}: its first line lacks the columns {', '.join(missing)}")
        for line, cells in rows:
            row = dict(zip(header, cells, strict=False))
            yield line, row | {column: "" for column in needed if column not in row}


def csv_text(rows: Iterable[Mapping[str, str]]) -> str:
    """Rows as the text of a CSV file; a column that some of them lack is empty there."""
    given = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(
        text, list(dict.fromkeys(name for row in given for name in row)), restval="", lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(given)
    return text.getvalue()


def _decoded(path: Path, data: bytes, most_bytes: int, errors: str) -> str:
    """The text of a table's bytes, unzipped where its name ends in .gz."""
    try:
        if path.name.endswith(".gz") and len(data) <= most_bytes:
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(most_bytes + 1)
        if len(data) > most_bytes:
            raise UserError(f"{path}: more than {most_bytes} bytes unzipped")
        return data.decode("utf-8-sig", errors)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: cannot be read as a table ({error}); get it again")
