"""Layout `nih`: as NIH ships ChestX-ray14 (Wang et al., CVPR 2017): Data_Entry table, images*/, boxes, official lists.

Both label versions come in: 2017 (ages like `058Y`, a trailing empty column) and 2017_v2020 (plain years).
"""

import logging
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import pandas as pd

from cxr.core.errors import UserError
from cxr.params.schema import Ingest
from cxr.raw.batch import Batch
from cxr.raw.boxes import read_boxes
from cxr.raw.cells import is_missing, patient_id, view
from cxr.raw.image_names import BatchImages, NameIndex, file_name, unsafe
from cxr.raw.layouts.base import NO_PATIENT, Claims, Fault, ImageKey, Layout, Record, ReferenceBox
from cxr.raw.names import BatchError, is_image
from cxr.raw.official_lists import OfficialLists, folded, lists_among
from cxr.raw.tables import Row, TableFile, csv_text

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
_TABLE = re.compile(r"(?:Data_Entry[^/]*|sample_labels)\.csv(?:\.gz)?", re.IGNORECASE)
_BOXES = re.compile(r"BBox_List[^/]*\.csv(?:\.gz)?", re.IGNORECASE)
_IMAGE, _FINDINGS, _PATIENT, _VIEW = "Image Index", "Finding Labels", "Patient ID", "View Position"
_AGE, _STUDY, _SEXES = "Patient Age", "Follow-up #", ("Patient Gender", "Patient Sex")
_BOX_LABEL = "Finding Label"
_SPELT_OTHERWISE = {"Infiltrate": "Infiltration"}  # the box list's word
logger = logging.getLogger(__name__)


class Nih(Layout):
    """Rows are those of the Data_Entry table; of images that no row names it says nothing."""

    name: ClassVar[str] = "nih"
    recognised_by: ClassVar[str] = "a Data_Entry*.csv or sample_labels.csv"
    official_split: ClassVar[str] = "a train_val_list*.txt or test_list*.txt"

    def __init__(self, section: Ingest) -> None:
        """`section` has no key that this layout minds."""
        super().__init__(section)
        self._official = OfficialLists()

    @classmethod
    def recognise(cls, names: Sequence[str], source: str) -> bool:
        """Whether a Data_Entry table stands at the top, with or without images: labels of images that came in before
        are a batch too. BatchError: there are two, or the table stands one level down."""
        tables = _tables_among(names)
        if len(tables) > 1:
            raise BatchError(f"{source}: {len(tables)} tables ({', '.join(tables)}); their labels differ, keep one")
        deeper = sorted({name.split("/")[0] for name in names if _TABLE.fullmatch(name.rpartition("/")[2])})
        if deeper and not tables:
            raise BatchError(f"{source}: the Data_Entry table stands one level down; give FROM={source}/{deeper[0]}")
        return bool(tables)

    @classmethod
    def labelled(cls, source: Path, names: Sequence[str]) -> list[str]:
        """The images that the Data_Entry table names."""
        index, tables = NameIndex(names), [TableFile.on_disk(source / name) for name in _tables_among(names)]
        listed = {
            index.find(row.cells[_IMAGE]).path for table in tables for row in table.all_rows(_IMAGE) if not row.fault
        }
        return [name for name in names if is_image(name) and name in listed]

    def read(self, batch: Batch, earlier: Sequence[Batch]) -> Claims:
        """Records and faults of the table; an image that is not in this batch is looked for in earlier ones.

        UserError: no table or two, a table is not read (see `cxr.raw.tables`), or a box list is not understood.
        """
        table, box_lists, lists = _table(batch), _matching(_BOXES, batch.names()), lists_among(batch.names())
        claims = Claims(tables=frozenset((table, *lists, *box_lists)), known_findings=FINDINGS)
        images = BatchImages((each.name, each.images) for each in (batch, *reversed(earlier)))
        boxes = _boxes(batch, box_lists, images)
        rows = _Rows(batch.name, table, images, boxes, self._official.splits(batch, earlier), claims)
        for row in TableFile.in_batch(batch, table).all_rows(_IMAGE, _FINDINGS, _PATIENT):
            claims.take(rows.item(row))
        if not claims.rows:
            raise UserError(f"{batch.folder / table}: has a header and no row below it")
        for fault in _doubled(batch, claims):
            claims.take(fault)
        named = {_key(images, record.name) for record in claims.records}
        claims.boxes_unmatched = sum(len(each) for key, each in boxes.items() if key not in named)
        claims.listed = {folded(name): (split, place) for split, place, name in self._official.entries(batch)}
        return claims

    @classmethod
    def views_in(cls, folder: Path) -> dict[str, str]:
        """Views by Data_Entry tables at a folder's top, or of folders in it; one that can't be read is named in a
        warning and tells nothing, and nothing is told of an image to which two rows give two views."""
        views: dict[str, set[str]] = defaultdict(set)
        for path in _tables_beside(folder):
            try:
                rows = [row.cells for row in TableFile.on_disk(path).all_rows(_IMAGE, _VIEW) if not row.fault]
            except UserError as error:
                logger.warning("%s; it tells no views", error)
                continue
            for cells in rows:
                views[file_name(cells[_IMAGE])].add(view(cells[_VIEW]) or "")
        told = {name: found - {""} for name, found in views.items()}
        return {name: found.pop() for name, found in told.items() if name and len(found) == 1}

    def writer(self, images: Path) -> "NihWriter":
        """A batch with one Data_Entry table; patients, and what else is known, stand in tables beside the images."""
        return NihWriter(images)


@dataclass(frozen=True)
class _Rows:
    """What the rows of one table claim: `boxes` and `official` by image, else by folded name."""

    batch: str
    table: str
    images: BatchImages
    boxes: dict[ImageKey | str, list[ReferenceBox]]
    official: dict[ImageKey | str, str]
    claims: Claims

    def item(self, row: Row) -> Record | Fault:
        """What one row claims, its image looked up, or why it can't come in."""
        name = row.cells.get(_IMAGE, "")
        image, match = self.images.find(name)
        reason, detail, in_any_case = self._fault(row, name, image, match.fault)
        if reason:
            return Fault(self.batch, f"{self.table} line {row.line}", name, reason, detail, image, in_any_case)
        self.claims.names_matched.update([match.how] if match.how else [])
        return self._record(row, name, image)

    def _fault(self, row: Row, name: str, image: ImageKey | None, unmatched: str) -> tuple[str, str, bool]:
        """(reason, detail, whether it holds in any case) of what is wrong with a row; "" where nothing is."""
        if row.fault:
            return "bad_row", row.fault, True
        if unmatched:
            return "ambiguous_name", f"{_IMAGE} {name!r}: {unmatched}", True
        if image is None and (fault := unsafe(name)):
            return "unsafe_path", f"{_IMAGE} {name!r}: {fault}", True
        findings = _findings(row.cells[_FINDINGS])
        if is_missing(row.cells[_PATIENT]) or all(map(is_missing, findings)):
            column = _PATIENT if is_missing(row.cells[_PATIENT]) else _FINDINGS
            return "bad_row", f"{column} is {row.cells[column]!r}: no value", False
        if NO_FINDING in findings and len(findings) > 1:
            return "contradictory_labels", row.cells[_FINDINGS], False
        return "", "", False

    def _record(self, row: Row, name: str, image: ImageKey | None) -> Record:
        """A sound row's record; cells that are not understood are counted."""
        cells, counts, key = row.cells, self.claims.counts, image or folded(name)
        sex_column = next((column for column in _SEXES if column in cells), _SEXES[0])
        return Record(
            self.batch,
            f"{self.table} line {row.line}",
            name,
            image,
            tuple(sorted(_findings(cells[_FINDINGS]) - {NO_FINDING})),
            counts.patient(_PATIENT, cells[_PATIENT]),
            patient_id(cells.get(_STUDY, "")),
            counts.view(_VIEW, cells.get(_VIEW, "")),
            counts.sex(sex_column, cells.get(sex_column, "")),
            counts.age(_AGE, cells.get(_AGE, "")),
            tuple(self.boxes.get(key, ())),
            self.official.get(key, "") or self.official.get(folded(name), ""),
        )


class NihWriter:
    """Images under their ids, and one Data_Entry table whose findings are what feedback says."""

    def __init__(self, images: Path) -> None:
        """`images`: the scored folder. UserError where a table in it lacks the columns of image or patient."""
        self.needs = f"patients are read from a Data_Entry*.csv in {images} or one level below"
        self._entries: dict[str, dict[str, str]] = {}
        for path in _tables_beside(images):
            for row in TableFile.on_disk(path).all_rows(_IMAGE, _PATIENT):
                self._learn(row)
        self._rows: list[tuple[Path, dict[str, str]]] = []

    def _learn(self, row: Row) -> None:
        """Take in a row; an image that two rows give to two patients has none."""
        if row.fault:
            return
        name = file_name(row.cells[_IMAGE])
        known = self._entries.get(name, row.cells)
        same = patient_id(known[_PATIENT]) == patient_id(row.cells[_PATIENT])
        self._entries[name] = row.cells if same else {**row.cells, _PATIENT: ""}

    def take(self, image: str, path: Path, labels: "pd.Series[float]") -> str:
        """Take in a study whose patient a table tells: see `cxr.raw.layouts.base.BatchWriter`."""
        entry = self._entries.get(file_name(path.name), {})
        if is_missing(entry.get(_PATIENT, "")):
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


def _doubled(batch: Batch, claims: Claims) -> Iterator[Fault]:
    """Files of this batch whose name stands in several folders and that no row means: the first one was taken."""
    rows: list[Record | Fault] = [*claims.records, *claims.faults]
    named = {row.image for row in rows}
    for first, *others in batch.images.several():
        for path in others:
            if is_image(path) and (batch.name, path) not in named:
                detail = f"the table's name fits {first} too"
                yield Fault(batch.name, "", path, "ambiguous_name", detail, (batch.name, path))


@lru_cache(4096)
def _findings(cell: str) -> frozenset[str]:
    """The findings of a cell, in the words of the labels."""
    return frozenset(_SPELT_OTHERWISE.get(part, part) for part in map(str.strip, cell.split("|")) if part)


def _matching(pattern: re.Pattern[str], names: Sequence[str]) -> list[str]:
    """Those of the names that are a table of a kind, at the top."""
    return [name for name in names if pattern.fullmatch(name)]


def _tables_among(names: Sequence[str]) -> list[str]:
    """The Data_Entry tables at the top."""
    return _matching(_TABLE, names)


def _table(batch: Batch) -> str:
    """The name of the batch's Data_Entry table; UserError where there is none or more than one."""
    tables = _tables_among(batch.names())
    if len(tables) != 1:
        found = f"has no {Nih.recognised_by[2:]}" if not tables else f"has {len(tables)} tables: {', '.join(tables)}"
        raise UserError(f"{batch.folder}: {found}; layout nih needs exactly one (see ingest.layout in params.yaml)")
    return tables[0]


def _key(images: BatchImages, name: str) -> ImageKey | str:
    """The image that a name means, else the name alone."""
    return images.find(name)[0] or folded(name)


def _boxes(batch: Batch, names: list[str], images: BatchImages) -> dict[ImageKey | str, list[ReferenceBox]]:
    """Image, or folded name where it is not there, to its boxes."""
    boxes: dict[ImageKey | str, list[ReferenceBox]] = defaultdict(list)
    for name in names:
        for image, box in read_boxes(TableFile.in_batch(batch, name), _IMAGE, _BOX_LABEL):
            label = _SPELT_OTHERWISE.get(box.label, box.label)
            boxes[_key(images, image)].append(replace(box, label=label))
    return boxes


def _tables_beside(folder: Path) -> Iterator[Path]:
    """Data_Entry tables at the top of a folder of scored images, or of folders in it; links are not followed."""
    for path in sorted([*folder.glob("*"), *folder.glob("*/*")]):
        if _TABLE.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            yield path
