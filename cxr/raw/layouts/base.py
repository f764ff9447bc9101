"""The interface between a layout (how a batch names files, labels and patients) and the rest of ingest.

A layout turns one batch into rows: a `Record` for each row that can be understood, a `Fault` for each that can't. It
opens tables, never images, and knows nothing of splits, salts or the task. To add a layout, write a module with a class
that has `read` and enter it in `layout_for`.
"""
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cxr.imaging.decode import REASONS as UNDECODABLE
from cxr.params.schema import Ingest
from cxr.raw.batch import Batch

REASONS = (*UNDECODABLE, "not_in_table", "ambiguous_name", "unknown_label", "contradictory_labels", "no_class_folder",
           "unsafe_path", "bad_row", "decoder_crashed")
ImageKey = tuple[str, str]  # (batch, path inside it)


@dataclass(frozen=True, slots=True)
class Box:
    """A reference box: label, left upper corner and sides in source pixels."""

    label: str
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Record:
    """A row that a table or folder claims. `place` says where ("Data_Entry.csv line 7"), `name` is the file as claimed.

    `image`: where the file is, None where it is absent. `patient` and `study`: ids as the source writes them. `age`:
    years, NaN unknown. `official`: "train", "validation", "test" or "".
    """

    batch: str
    place: str
    name: str
    image: ImageKey | None
    findings: tuple[str, ...]
    patient: str
    study: str = ""
    view: str = ""
    sex: str = ""
    age: float = float("nan")
    boxes: tuple[Box, ...] = ()
    official: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that can't come in: why (`reason` of REASONS, `detail`), and the file that it is about, if it is there."""

    batch: str
    place: str
    name: str
    reason: str
    detail: str
    image: ImageKey | None = None


@dataclass
class Claims:
    """What a layout makes of one batch. `rows`: counted while reading, apart from records and faults.

    `tables`: files that are no input rows. `boxes_unmatched`: boxes for images that no record names.
    """

    rows: int = 0
    records: list[Record] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    tables: frozenset[str] = frozenset()
    known_findings: frozenset[str] = frozenset()
    boxes_unmatched: int = 0

    def take(self, row: Record | Fault) -> None:
        """Count a row and put it into its list."""
        self.rows += 1
        if isinstance(row, Record):
            self.records.append(row)
        else:
            self.faults.append(row)


class Layout(Protocol):
    """Reads the rows of one batch."""

    def read(self, batch: Batch, earlier: Sequence[Batch]) -> Claims:
        """Rows of `batch`; `earlier` are the set's batches before it, whose images its table may name.

        Raises StageError where the batch as a whole can't be understood (no table, two tables, no such column).
        """
        ...


def layout_for(section: Ingest) -> Layout:
    """The layout that `ingest.layout` names."""
    from cxr.raw.layouts.folder import Folder
    from cxr.raw.layouts.nih import Nih

    return Nih() if section.layout == "nih" else Folder(section.patient_pattern)
