"""Layout `nih`: as NIH ships ChestX-ray14 (Wang et al., CVPR 2017): Data_Entry table, images*/, boxes, official lists.

Both label versions come in: 2017 (ages like `058Y`, a trailing empty column) and 2017_v2020 (plain years).
"""
import csv
import gzip
import io
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from cxr.core.errors import StageError
from cxr.raw.batch import Batch
from cxr.raw.layouts.base import Box, Claims, Fault, ImageKey, Record
from cxr.raw.names import BOXES, LISTS, fault_of, is_image, table_of

NO_FINDING = "No Finding"
FINDINGS = frozenset((
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis", "Hernia",
    "Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax"))
_SPELT_OTHERWISE = {"Infiltrate": "Infiltration"}  # the box list's word
_COLUMNS = ("Image Index", "Finding Labels", "Patient ID")
_AGE = re.compile(r"(\d+(?:\.\d+)?)([YMWD]?)", re.IGNORECASE)
_YEARS = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_NO_VALUE = {"", "nan", "none", "null", "n/a"}  # what programs write into a cell without value
_MOST_TABLE_BYTES = 1 << 30


class Nih:
    """Rows are those of the Data_Entry table; images that no row names are not its business."""

    def read(self, batch: Batch, earlier: Sequence[Batch]) -> Claims:
        """Records and faults of the table; an image that is not in this batch is looked for in earlier ones.

        StageError: no table or two, a column is missing, a table is not text or not CSV.
        """
        table, lists = _table(batch), _present(batch, LISTS)
        box_list = [name for name in batch.names() if BOXES.fullmatch(name)]
        boxes = _boxes(batch, box_list)
        official = {line: LISTS[name] for name in sorted(lists, reverse=True) for line in _lines(batch, name)}
        claims = Claims(tables=frozenset((table, *lists, *box_list)), known_findings=FINDINGS)
        places = _Places(batch, earlier)
        for line, row in _rows(batch, table):
            claims.take(_item(batch.name, f"{table} line {line}", row, places, boxes, official))
        for fault in places.doubled():
            claims.take(fault)
        claims.boxes_unmatched = sum(map(len, boxes.values())) - sum(
            len(boxes[name]) for name in {record.name for record in claims.records} & boxes.keys())
        return claims


class _Places:
    """Where the images that a table names are: its own batch first, then the latest earlier one."""

    def __init__(self, batch: Batch, earlier: Sequence[Batch]) -> None:
        self.batch, self.shelves = batch, (batch, *reversed(earlier))

    def find(self, name: str) -> ImageKey | None:
        """(batch, path) of the image of that name, None where it is absent."""
        return next(((b.name, b.by_basename[name][0]) for b in self.shelves if name in b.by_basename), None)

    def doubled(self) -> list[Fault]:
        """Files of this batch whose name stands in several folders; the first one is taken."""
        several = (paths for paths in self.batch.by_basename.values() if len(paths) > 1 and is_image(paths[0]))
        return [Fault(self.batch.name, "", path, "ambiguous_name", f"the table's name fits {paths[0]} too",
                      (self.batch.name, path)) for paths in several for path in paths[1:]]


def age_in_years(text: str) -> float:
    """Years from `58`, `058Y`, `011M` or `003D`; NaN where it is missing or no number.

    Years beyond a life (NIH's 2017 table has 16, 148 to 414) stay as written: `validate.max_age` judges them.
    """
    found = _AGE.fullmatch(text.strip())
    return float(found[1]) * _YEARS[found[2].upper()] if found else math.nan


def _item(batch: str, place: str, row: dict[str, str], places: _Places, boxes: dict[str, list[Box]],
          official: dict[str, str]) -> Record | Fault:
    """One row of the table, its image looked up."""
    name, patient = row.get("Image Index", ""), row.get("Patient ID", "")
    if fault := fault_of(name) or ("a path, not a file name" if "/" in name else None):
        return Fault(batch, place, name, "unsafe_path", f"Image Index {name!r}: {fault}")
    image = places.find(name)
    findings = {_SPELT_OTHERWISE.get(part, part) for part in map(str.strip, row["Finding Labels"].split("|")) if part}
    if patient.lower() in _NO_VALUE or not findings or {part.lower() for part in findings} <= _NO_VALUE:
        column = "Patient ID" if patient.lower() in _NO_VALUE else "Finding Labels"
        return Fault(batch, place, name, "bad_row", f"{column} is {row[column]!r}: no value", image)
    if NO_FINDING in findings and len(findings) > 1:
        return Fault(batch, place, name, "contradictory_labels", row["Finding Labels"], image)
    study, sex = row.get("Follow-up #", ""), row.get("Patient Gender", row.get("Patient Sex", "")).upper()
    return Record(batch, place, name, image, tuple(sorted(findings - {NO_FINDING})), _plain_id(patient),
                  _plain_id(study), _word(row.get("View Position", "")), sex if sex in ("M", "F") else "",
                  age_in_years(row.get("Patient Age", "")), tuple(boxes.get(name, ())), official.get(name, ""))


def _plain_id(text: str) -> str:
    """`00000007` and `7` are one patient: label versions write ids either way."""
    return text.lstrip("0") or "0" if text.isdigit() else text


def _word(text: str) -> str:
    return text.upper() if re.fullmatch(r"[A-Za-z]{1,8}", text) else ""


def _present(batch: Batch, names: Sequence[str] | dict[str, str]) -> list[str]:
    return [name for name in names if name in batch.files]


def _table(batch: Batch) -> str:
    tables = table_of(batch.names())
    if len(tables) != 1:
        found = "has no Data_Entry*.csv" if not tables else f"has {len(tables)} tables: {', '.join(tables)}"
        raise StageError(f"{batch.folder}: {found}; layout nih needs exactly one (see ingest.layout in params.yaml)")
    return tables[0]


def _lines(batch: Batch, name: str) -> list[str]:
    """Names in an official list."""
    return [line.strip() for line in _text(batch, name).splitlines() if line.strip()]


def _text(batch: Batch, name: str) -> str:
    """A table as text, unzipped; StageError where it is too large, damaged or not UTF-8."""
    try:
        data = batch.read(name, _MOST_TABLE_BYTES)
        if name.endswith(".gz"):
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(_MOST_TABLE_BYTES + 1)
        if len(data) > _MOST_TABLE_BYTES:
            raise StageError(f"{batch.folder / name}: more than {_MOST_TABLE_BYTES} bytes unzipped")
        return data.decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise StageError(f"{batch.folder / name}: cannot be read as a table ({error}); get it again") from error


def _cells(batch: Batch, name: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells without outer spaces) of a CSV file, header first, empty lines left out."""
    reader = csv.reader(io.StringIO(_text(batch, name), newline=""))
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise StageError(f"{batch.folder / name} line {reader.line_num}: not CSV ({error})") from error


def _rows(batch: Batch, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, column to cell) of the Data_Entry table; missing cells are empty."""
    rows = _cells(batch, name)
    header = next(rows, (0, []))[1]
    if missing := [column for column in _COLUMNS if column not in header]:
        raise StageError(f"{batch.folder / name}: its first line lacks the columns {', '.join(missing)}")
    for line, cells in rows:
        yield line, dict.fromkeys(_COLUMNS, "") | dict(zip(header, cells, strict=False))


def _boxes(batch: Batch, names: list[str]) -> dict[str, list[Box]]:
    """Image name to boxes. The header has one cell, `Bbox [x,y,w,h]`, for four columns: they count by position."""
    boxes: dict[str, list[Box]] = defaultdict(list)
    for name in names:
        rows = _cells(batch, name)
        next(rows, None)
        for line, cells in rows:
            try:
                x, y, w, h = (float(cell) for cell in cells[2:6])
            except ValueError as error:
                raise StageError(f"{batch.folder / name} line {line}: not four numbers: {cells[2:6]}") from error
            if not all(map(math.isfinite, (x, y, w, h))) or min(w, h) <= 0:
                raise StageError(f"{batch.folder / name} line {line}: no box: {cells[2:6]}")
            boxes[cells[0]].append(Box(_SPELT_OTHERWISE.get(cells[1], cells[1]), x, y, w, h))
    return boxes
