"""The one strict reader of tables: CSV files and lists of names, plain or gzipped, in a batch or beside scored images.

It goes from text to cells, and names file and line of what is wrong. One dialect is read: commas, double quotes, UTF-8;
any other is refused in a line that says what to save it as. A row has the cells that the header names, or it is a
faulty row: nothing is dropped, filled up or guessed. What the columns mean is a layout's business.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cxr.core.errors import UserError
from cxr.raw.batch import Batch
from cxr.raw.table_text import MOST_BYTES, SAVE_AS, contents, lines, refuse_too_many_lines, unreadable

_MOST_COLUMNS = 1_000
_MOST_CELLS = 40_000_000
_FAULTS_LET_PASS = 1_000  # faulty rows of a table before their share counts
_NAMELESS = re.compile(r"Unnamed: \d+")  # what pandas calls an index or another column without a name
_OPEN_QUOTE = "a quote that opens on this line is not closed before a comma or the end of the line"
_OTHER_SIGNS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row below the header: its line, column to cell (outer spaces taken off), and what is wrong with it, if it is.

    Of a faulty row `cells` is what stands in the columns by position: good for a message, not for a value.
    """

    line: int
    cells: dict[str, str]
    fault: str = ""


@dataclass(frozen=True)
class TableFile:
    """A table's bytes as they lie on disk; `path` names it in error messages."""

    path: Path
    data: bytes = field(repr=False)
    most_bytes: int = MOST_BYTES

    @classmethod
    def in_batch(cls, batch: Batch, name: str) -> "TableFile":
        """A table of a batch, loose or in an archive. UserError where it is too large or can't be opened."""
        path = batch.folder / name
        try:
            return cls(path, batch.read(name, MOST_BYTES))
        except OSError as error:
            raise unreadable(path, error) from error

    @classmethod
    def on_disk(cls, path: Path, most_bytes: int = MOST_BYTES) -> "TableFile":
        """A table that stands in no batch. UserError where it is larger than `most_bytes`, no plain file, or can't be
        opened."""
        return cls(path, contents(path, most_bytes), most_bytes)

    def lines(self) -> Iterator[tuple[int, str]]:
        """(line number, text without outer spaces) of a list of names, empty lines left out."""
        stripped = ((number, line.strip()) for number, line in lines(self.path, self.data, self.most_bytes))
        return ((number, line) for number, line in stripped if line)

    def header(self, *needed: str, one_of: Sequence[str] = ()) -> "Header":
        """The columns. UserError: the table is empty, lacks a needed column or all of `one_of`, names one twice, or has
        another dialect."""
        for number, line in self._filled():
            return _header(self.path, number, line, needed, one_of)
        raise UserError(f"{self.path}: is empty; it needs the columns {_wanted(needed, one_of)}")

    def rows(self, *needed: str) -> Iterator[tuple[int, dict[str, str]]]:
        """(line, column to cell) of the rows below the header. UserError as `header` raises it, and at a faulty row."""
        for row in self.all_rows(*needed):
            if row.fault:
                raise UserError(f"{self.path} line {row.line}: {row.fault}")
            yield row.line, row.cells

    def all_rows(self, *needed: str) -> Iterator[Row]:
        """The rows below the header, faulty ones among them; rows without any cell filled are left out.

        UserError as `header` raises it, and where no row can be read, or most of more than a thousand can't.
        """
        refuse_too_many_lines(self.path, self.data, self.most_bytes)
        header, faults, count, first = self.header(*needed), 0, 0, ""
        if self._all_end_in_a_comma(header):
            header = Header(header.names, 1)
        for line, text in self._filled(1):
            row = header.row(line, text)
            count += 1
            if row.fault:
                faults, first = faults + 1, first or f"line {row.line}: {row.fault}"
            if faults > max(_FAULTS_LET_PASS, count // 2) or count * len(header.names) > _MOST_CELLS:
                break
            yield row
        if count * len(header.names) > _MOST_CELLS:
            raise UserError(f"{self.path}: more than {_MOST_CELLS} cells; make several batches of it")
        if faults and (faults == count or faults > max(_FAULTS_LET_PASS, count // 2)):
            raise UserError(f"{self.path}: {faults} of {count} rows can't be read; {first}; {SAVE_AS}")

    def _filled(self, start: int = 0) -> Iterator[tuple[int, str]]:
        """Lines that hold more than commas and spaces, from the `start`-th of them."""
        filled = ((number, line) for number, line in lines(self.path, self.data, self.most_bytes) if line.strip(" ,\t"))
        for _ in range(start):
            next(filled, None)
        return filled

    def _all_end_in_a_comma(self, header: "Header") -> bool:
        """Whether the header names every column and each row has one comma more, behind its last cell."""
        one_more = len(header.names) + 1
        rows = (_cells(text) for _, text in self._filled(1))
        return header.unnamed == 0 and all(cells and len(cells) == one_more and not cells[-1] for cells in rows)


@dataclass(frozen=True)
class Header:
    """The columns of a table in their order ("" for one without a name), and how many nameless ones stand behind them,
    whose cells must be empty: NIH's table of 2017 has one, its box list three."""

    names: tuple[str, ...]
    unnamed: int = 0

    def row(self, line: int, text: str) -> Row:
        """A line as a row, faulty where its cells are not those that the header names."""
        cells = _cells(text)
        if cells is None:
            broken = [cell.strip(' "') for cell in text.split(",")]
            return Row(line, self._by_position(broken), _OPEN_QUOTE)
        return Row(line, self._by_position(cells), self._fault(cells))

    def _by_position(self, cells: Sequence[str]) -> dict[str, str]:
        return {name: cell for name, cell in zip(self.names, cells, strict=False) if name}

    def _fault(self, cells: Sequence[str]) -> str:
        """What is wrong with the number of cells; "" where it is right.

        The empty cells of nameless columns may be missing; then the last cell must be filled, since otherwise a row
        that lacks a cell would look the same.
        """
        named, beyond = len(self.names), cells[len(self.names) :]
        if len(cells) == named + self.unnamed and not any(beyond):
            return ""
        if self.unnamed and len(cells) == named and cells[-1]:
            return ""
        if len(cells) == named + self.unnamed:
            return f"a cell stands behind the last column that has a name ({self.names[-1]})"
        return f"{len(cells)} cells, but the header has {named + self.unnamed}"


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


def _cells(text: str) -> list[str] | None:
    """The cells of a line without outer spaces; None where its quotes are not closed, or text stands behind one."""
    if '"' not in text:
        return [cell.strip() for cell in text.split(",")]
    try:
        return [cell.strip() for cell in next(csv.reader([text], strict=True))]
    except csv.Error:
        return None


def _header(path: Path, number: int, line: str, needed: Sequence[str], one_of: Sequence[str]) -> Header:
    """The header that a line makes. UserError where it is none, or not in the one dialect."""
    cells = _cells(line)
    names = ["" if _NAMELESS.fullmatch(cell) else cell for cell in cells or ()]
    missing = [column for column in needed if column not in names]
    missing += [_wanted((), one_of)] if one_of and not set(one_of) & set(names) else []
    if sign := _other_sign(line, {*needed, *one_of} if missing else set()):
        raise UserError(f"{path}: its cells are separated by {sign}, not by commas; {SAVE_AS}")
    if cells is None:
        raise UserError(f"{path} line {number}: a quote in the header is not closed; {SAVE_AS}")
    if missing:
        raise UserError(f"{path}: its first line lacks the columns {', '.join(missing)}; it has {_shown(names)}")
    _refuse_names(path, names)
    named = len(names) - next((index for index, name in enumerate(reversed(names)) if name), len(names))
    return Header(tuple(names[:named]), len(names) - named)


def _refuse_names(path: Path, names: Sequence[str]) -> None:
    """UserError where there are more columns than are read, or two have one name."""
    if len(names) > _MOST_COLUMNS:
        raise UserError(f"{path}: more than {_MOST_COLUMNS} columns")
    if twice := [name for name, number in Counter(names).items() if name and number > 1]:
        raise UserError(f"{path}: its first line names the column {_shown(twice[:1])} twice; name each once")


def _other_sign(line: str, wanted: set[str]) -> str:
    """What separates the cells of a header that between commas lacks wanted columns; "" where nothing says so."""
    if re.match("sep=", line, re.IGNORECASE):
        return f"{line[4:].strip() or 'blanks'!r} (its first line is a spreadsheet's hint)"
    for sign, name in _OTHER_SIGNS.items():
        cells = {cell.strip(' "') for cell in line.split(sign)}
        if wanted & cells and len(cells) > 1:
            return name
    return ""


def _wanted(needed: Sequence[str], one_of: Sequence[str]) -> str:
    """The columns that a table needs, for a message."""
    return ", ".join([*needed, *([" or ".join(one_of)] if one_of else [])])


def _shown(names: Sequence[str], most: int = 12) -> str:
    """Column names for a message: not all where they are many, each cut where it is long."""
    shown = [name if len(name) <= 40 else name[:37] + "..." for name in names[:most]]
    return ", ".join([*shown, *(["..."] if len(names) > most else [])])
