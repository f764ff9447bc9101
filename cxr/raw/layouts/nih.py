"""Layout `nih`: as NIH ships ChestX-ray14 (Wang et al., CVPR 2017): Data_Entry table, images*/, boxes, official lists.

Both label versions come in: 2017 (ages like `058Y`, a trailing empty column) and 2017_v2020 (plain years).
"""

import math
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar

import pandas as pd

from cxr.core.errors import UserError
from cxr.raw.batch import Batch
from cxr.raw.layouts.base import NO_PATIENT, Claims, Fault, ImageKey, Layout, Record, ReferenceBox
from cxr.raw.names import IMAGE_KINDS, BatchError, fault_of, is_image
from cxr.raw.tables import TableFile, csv_text

NO_FINDING = "No Finding"
FINDINGS = frozenset(
    (
        "Atelectasis",
        "Cardiomegaly",
        "Consolidation",
        "Edema",
        "Effusion",
        "Emphysema",
        "Fibrosis",
        "Hernia",
        "Infiltration",
        "Mass",
        "Nodule",
        "Pleural_Thickening",
        "Pneumonia",
        "Pneumothorax",
    )
)
_TABLE = re.compile(r"Data_Entry[^/]*\.csv(\.gz)?")
_BOXES = re.compile(r"BBox_List[^/]*\.csv(\.gz)?")
_LISTS = {"train_val_list.txt": "train", "test_list.txt": "test"}
_IMAGE, _FINDINGS, _PATIENT, _VIEW = "Image Index", "Finding Labels", "Patient ID", "View Position"
_SPELT_OTHERWISE = {"Infiltrate": "Infiltration"}  # the box list's word
_AGE = re.compile(r"(\d+(?:\.\d+)?)([YMWD]?)", re.IGNORECASE)
_YEARS = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_NO_VALUE = {"", "nan", "none", "null", "n/a"}  # what programs write into a cell without value
_MOST_BYTES_BESIDE = 1 << 28  # of a table in a folder of images to score


class Nih(Layout):
    """Rows are those of the Data_Entry table; of images that no row names it says nothing."""

    name: ClassVar[str] = "nih"
    recognised_by: ClassVar[str] = "a Data_Entry*.csv"
    official_split: ClassVar[str] = "a train_val_list.txt or test_list.txt"

    @classmethod
    def recognise(cls, names: Sequence[str], source: str) -> bool:
        """Whether a Data_Entry table stands at the top. BatchError: there are two, no image is there, or the table
        stands one level down."""
        tables = _tables_among(names)
        if len(tables) > 1:
            raise BatchError(f"{source}: {len(tables)} tables ({', '.join(tables)}); their labels differ, keep one")
        if tables and not any(is_image(name) or name.endswith(".tar") for name in names):
            raise BatchError(f"{source}: a Data_Entry table, but no {IMAGE_KINDS} in images*/")
        deeper = sorted({name.split("/")[0] for name in names if _TABLE.fullmatch(name.rpartition("/")[2])})
        if deeper and not tables:
            raise BatchError(f"{source}: the Data_Entry table stands one level down; give FROM={source}/{deeper[0]}")
        return bool(tables)

    @classmethod
    def labelled(cls, source: Path, names: Sequence[str]) -> list[str]:
        """The images that the Data_Entry table names."""
        tables = [TableFile.on_disk(source / name) for name in _tables_among(names)]
        listed = {row[_IMAGE] for table in tables for _, row in table.rows(_IMAGE)}
        return [name for name in names if is_image(name) and PurePosixPath(name).name in listed]

    def read(self, batch: Batch, earlier: Sequence[Batch]) -> Claims:
        """Records and faults of the table; an image that is not in this batch is looked for in earlier ones.

        UserError: no table or two, a column is missing, a table is not text or not CSV.
        """
        table, lists = _table(batch), [name for name in _LISTS if name in batch.files]
        box_list = [name for name in batch.names() if _BOXES.fullmatch(name)]
        boxes = _boxes(batch, box_list)
        official = {
            line: _LISTS[name]
            for name in sorted(lists, reverse=True)
            for line in TableFile.in_batch(batch, name).lines()
        }
        claims = Claims(tables=frozenset((table, *lists, *box_list)), known_findings=FINDINGS)
        images = _ImageIndex(batch, earlier)
        for line, row in TableFile.in_batch(batch, table).rows(_IMAGE, _FINDINGS, _PATIENT):
            claims.take(_item(batch.name, f"{table} line {line}", row, images, boxes, official))
        for fault in images.doubled():
            claims.take(fault)
        claims.boxes_unmatched = sum(map(len, boxes.values())) - sum(
            len(boxes[name]) for name in {record.name for record in claims.records} & boxes.keys()
        )
        return claims

    @classmethod
    def views_in(cls, folder: Path) -> dict[str, str]:
        """Views by Data_Entry tables at a folder's top, or of folders in it; one that can't be read tells nothing."""
        views: dict[str, str] = {}
        for path in _tables_beside(folder):
            try:
                rows = [row for _, row in _beside(path).rows(_IMAGE, _VIEW)]
            except UserError:
                continue
            views |= {_file_name(row[_IMAGE]): row[_VIEW][:16].upper() for row in rows if row[_IMAGE] and row[_VIEW]}
        return views

    def writer(self, images: Path) -> "NihWriter":
        """A batch with one Data_Entry table; patients, and what else is known, stand in tables beside the images."""
        return NihWriter(images)


class NihWriter:
    """Images under their ids, and one Data_Entry table whose findings are what feedback says."""

    def __init__(self, images: Path) -> None:
        """`images`: the scored folder. UserError where a table in it lacks the columns of image or patient."""
        self.needs = f"patients are read from a Data_Entry*.csv in {images} or one level below"
        self._entries = {
            _file_name(row[_IMAGE]): row
            for path in _tables_beside(images)
            for _, row in _beside(path).rows(_IMAGE, _PATIENT)
        }
        self._rows: list[tuple[Path, dict[str, str]]] = []

    def take(self, image: str, path: Path, labels: "pd.Series[float]") -> str:
        """Take in a study whose patient a table tells: see `cxr.raw.layouts.base.BatchWriter`."""
        entry = self._entries.get(path.name, {})
        if not entry.get(_PATIENT):
            return NO_PATIENT
        self._rows.append(
            (
                path,
                {
                    **entry,
                    _IMAGE: f"{image[:32]}{path.suffix.lower()}",
                    _FINDINGS: "|".join(labels.index[labels == 1]) or NO_FINDING,
                },
            )
        )
        return ""

    def write(self, folder: Path) -> None:
        """Copy the images, and write the table of what is known of them."""
        (folder / "images").mkdir()
        for path, row in self._rows:
            shutil.copyfile(path, folder / "images" / row[_IMAGE])
        (folder / "Data_Entry_feedback.csv").write_text(csv_text(row for _, row in self._rows))


class _ImageIndex:
    """Images by file name: those of the table's own batch first, then those of the latest earlier one."""

    def __init__(self, batch: Batch, earlier: Sequence[Batch]) -> None:
        """`earlier`: the set's batches before this one, oldest first."""
        self.batch, self.batches = batch, (batch, *reversed(earlier))

    def find(self, name: str) -> ImageKey | None:
        """(batch, path) of the image of that name; None where no batch has it."""
        return next(((b.name, b.by_basename[name][0]) for b in self.batches if name in b.by_basename), None)

    def doubled(self) -> list[Fault]:
        """Files of this batch whose name stands in several folders; the first one is taken."""
        several = (paths for paths in self.batch.by_basename.values() if len(paths) > 1 and is_image(paths[0]))
        return [
            Fault(
                self.batch.name,
                "",
                path,
                "ambiguous_name",
                f"the table's name fits {paths[0]} too",
                (self.batch.name, path),
            )
            for paths in several
            for path in paths[1:]
        ]


def age_in_years(text: str) -> float:
    """Years from `58`, `058Y`, `011M` or `003D`; NaN where it is missing or no number.

    Years beyond a life (NIH's 2017 table has 16, 148 to 414) stay as written: `validate.max_age` judges them.
    """
    found = _AGE.fullmatch(text.strip())
    return float(found[1]) * _YEARS[found[2].upper()] if found else math.nan


def _item(
    batch: str,
    place: str,
    row: dict[str, str],
    images: _ImageIndex,
    boxes: dict[str, list[ReferenceBox]],
    official: dict[str, str],
) -> Record | Fault:
    """What one row of the table claims, its image looked up, or why it can't come in."""
    name, patient = row[_IMAGE], row[_PATIENT]
    if fault := fault_of(name) or ("a path, not a file name" if "/" in name else None):
        return Fault(batch, place, name, "unsafe_path", f"{_IMAGE} {name!r}: {fault}")
    image = images.find(name)
    findings = {_SPELT_OTHERWISE.get(part, part) for part in map(str.strip, row[_FINDINGS].split("|")) if part}
    if patient.lower() in _NO_VALUE or not findings or {part.lower() for part in findings} <= _NO_VALUE:
        column = _PATIENT if patient.lower() in _NO_VALUE else _FINDINGS
        return Fault(batch, place, name, "bad_row", f"{column} is {row[column]!r}: no value", image)
    if NO_FINDING in findings and len(findings) > 1:
        return Fault(batch, place, name, "contradictory_labels", row[_FINDINGS], image)
    study, sex = row.get("Follow-up #", ""), row.get("Patient Gender", row.get("Patient Sex", "")).upper()
    return Record(
        batch,
        place,
        name,
        image,
        tuple(sorted(findings - {NO_FINDING})),
        _plain_id(patient),
        _plain_id(study),
        _word(row.get(_VIEW, "")),
        sex if sex in ("M", "F") else "",
        age_in_years(row.get("Patient Age", "")),
        tuple(boxes.get(name, ())),
        official.get(name, ""),
    )


def _plain_id(text: str) -> str:
    """An id without leading zeros: `00000007` and `7` are one patient, label versions write either."""
    return text.lstrip("0") or "0" if text.isdigit() else text


def _word(text: str) -> str:
    """A view position in capitals; "" for what is no word of up to eight letters."""
    return text.upper() if re.fullmatch(r"[A-Za-z]{1,8}", text) else ""


def _tables_among(names: Sequence[str]) -> list[str]:
    """The Data_Entry tables at the top."""
    return [name for name in names if _TABLE.fullmatch(name)]


def _table(batch: Batch) -> str:
    """The name of the batch's Data_Entry table; UserError where there is none or more than one."""
    tables = _tables_among(batch.names())
    if len(tables) != 1:
        found = "has no Data_Entry*.csv" if not tables else f"has {len(tables)} tables: {', '.join(tables)}"
        raise UserError(f"{batch.folder}: {found}; layout nih needs exactly one (see ingest.layout in params.yaml)")
    return tables[0]


def _boxes(batch: Batch, names: list[str]) -> dict[str, list[ReferenceBox]]:
    """Image name to boxes. The header has one cell, `Bbox [x,y,w,h]`, for four columns: they count by position."""
    boxes: dict[str, list[ReferenceBox]] = defaultdict(list)
    for name in names:
        rows = TableFile.in_batch(batch, name).cells()
        next(rows, None)
        for line, cells in rows:
            try:
                x, y, w, h = (float(cell) for cell in cells[2:6])
            except ValueError as error:
                raise UserError(f"{batch.folder / name} line {line}: not four numbers: {cells[2:6]}") from error
            if not all(map(math.isfinite, (x, y, w, h))) or min(w, h) <= 0:
                raise UserError(f"{batch.folder / name} line {line}: no box: {cells[2:6]}")
            boxes[cells[0]].append(ReferenceBox(_SPELT_OTHERWISE.get(cells[1], cells[1]), x, y, w, h))
    return boxes


def _tables_beside(folder: Path) -> Iterator[Path]:
    """Data_Entry tables at the top of a folder of scored images, or of folders in it; links are not followed."""
    for path in sorted([*folder.glob("Data_Entry*"), *folder.glob("*/Data_Entry*")]):
        if _TABLE.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            yield path


def _beside(path: Path) -> TableFile:
    """A table beside scored images; a name in another encoding than UTF-8 costs no patient and no view."""
    return TableFile.on_disk(path, _MOST_BYTES_BESIDE, "replace")


def _file_name(cell: str) -> str:
    """The file's name in a cell that may hold a path."""
    return cell.rpartition("/")[2]
