"""What a layout is: how a batch names its files, labels and patients, and all that the project needs to know of it.

A layout opens tables, never images, and knows nothing of splits, salts or the task. To add one, write a subclass of
`Layout` in a module of its own, give it a line in `cxr.raw.layouts.registry`, and its name to `ingest.layout` in
`cxr.params.schema`; where its images are of a new kind, `cxr.imaging.decode` has to learn to read them.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

import pandas as pd

from cxr.core.errors import UserError
from cxr.imaging.formats.undecodable import REASONS as UNDECODABLE
from cxr.params.schema import Ingest
from cxr.raw.batch import Batch
from cxr.raw.cells import Counts
from cxr.raw.names import IMAGE_KINDS

REASONS = (
    *UNDECODABLE,
    "not_in_table",
    "ambiguous_name",
    "unknown_label",
    "contradictory_labels",
    "no_class_folder",
    "unsafe_path",
    "bad_row",
    "repeated_rows",
    "decoder_crashed",
    "too_slow",
)
COLUMN, PATTERN, FILE_NAME, IMAGE = "column", "pattern", "file_name", "image"
PATIENT_FROM = (
    COLUMN,
    PATTERN,
    FILE_NAME,
    IMAGE,
)  # what can say who is a patient: a table, a pattern, no more than a file
NO_PATIENT = "no patient is known"  # why a scored study can't go into a batch
ImageKey = tuple[str, str]  # (batch, path inside it)


@dataclass(frozen=True, slots=True)
class ReferenceBox:
    """A box that a radiologist drew: the finding, its left upper corner and its sides in source pixels."""

    label: str
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Record:
    """A row that a table or folder claims. `place` says where ("Data_Entry.csv line 7"), `name` is the file as claimed.

    `image`: where the file is, None where it is absent. `patient` and `study`: ids as the source writes them. `age`:
    years, NaN unknown. `official`: "train", "validation", "test" or "". `patient_from`: what made the patient, one of
    PATIENT_FROM; where it is "image", `patient` is "" until the image is decoded: its pixels' id is the patient.
    `repeats`: of a further row of a table about one image, what it was ("same", "united", "conflict"); ingest sets it.
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
    boxes: tuple[ReferenceBox, ...] = ()
    official: str = ""
    patient_from: str = COLUMN
    repeats: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that can't come in: why (`reason` of REASONS, `detail`), and the file that it is about, if it is there.

    `in_any_case`: it is a fault also where no file is there, since what the row names can't be relied on.
    """

    batch: str
    place: str
    name: str
    reason: str
    detail: str
    image: ImageKey | None = None
    in_any_case: bool = False

    @classmethod
    def not_an_image(cls, batch: str, name: str) -> "Fault":
        """What to say of a file that no table names and that is no image by its name."""
        return cls(batch, "", name, "not_an_image", f"its name is not that of a {IMAGE_KINDS} file", (batch, name))


@dataclass
class Claims:
    """What a layout makes of one batch. `rows`: counted while reading, apart from records and faults.

    `tables`: files that are no input rows. `known_findings`: words that the source may use for findings, whether the
    task asks for them or not. `boxes_unmatched`: boxes for images that no record names. `left_out`: files that the
    parameters leave out; see `cxr.raw.beside.left_out` for all that are. `counts`: cells that were not understood.
    `names_matched`: how many names were matched although written otherwise ("unicode", "case", "path"). `listed`:
    images that the batch's official lists name, by `cxr.raw.official_lists.folded` name, to (split, where).
    """

    rows: int = 0
    records: list[Record] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    tables: frozenset[str] = frozenset()
    known_findings: frozenset[str] = frozenset()
    boxes_unmatched: int = 0
    left_out: frozenset[str] = frozenset()
    counts: Counts = field(default_factory=Counts)
    names_matched: Counter[str] = field(default_factory=Counter)
    listed: dict[str, tuple[str, str]] = field(default_factory=dict)

    def take(self, row: Record | Fault) -> None:
        """Count a row and put it into its list."""
        self.rows += 1
        if isinstance(row, Record):
            self.records.append(row)
        else:
            self.faults.append(row)


class BatchWriter(Protocol):
    """A batch that is put together from scored images and what became known of them.

    `needs` says where the layout finds what a study lacked, for the message where no study could go in.
    """

    needs: str

    def take(self, image: str, path: Path, labels: "pd.Series[float]") -> str:
        """Take in a study: its image id, its file, 0 or 1 for each label. Why it can't go in, "" where it does."""

    def write(self, folder: Path) -> None:
        """Write the studies that were taken in into an empty folder."""


class Layout(ABC):
    """One layout. What is asked of names alone, before params.yaml is known, is asked of the class."""

    name: ClassVar[str]  # as ingest.layout gives it
    recognised_by: ClassVar[str]  # what a folder of this layout holds, for the message where a folder has none
    official_split: ClassVar[str] = "an official list"  # what says train and test, for the message where nothing does

    def __init__(self, section: Ingest) -> None:
        """`section`: the parameters by which batches are read. UserError where they make no sense to the layout."""
        self.section = section

    @classmethod
    @abstractmethod
    def recognise(cls, names: Sequence[str], source: str) -> bool:
        """Whether a folder with files of these names (relative POSIX paths) has this layout.

        BatchError, with `source` named, where it is meant to have it and something has to be mended first.
        """

    @classmethod
    @abstractmethod
    def labelled(cls, source: Path, names: Sequence[str]) -> list[str]:
        """Those of the names below the folder `source` that are images with a label. UserError: a table is damaged."""

    @abstractmethod
    def read(self, batch: Batch, earlier: Sequence[Batch]) -> Claims:
        """Rows of `batch`; `earlier` are the set's batches before it, whose images its table may name.

        UserError where the batch as a whole can't be understood (no table, two tables, no such column).
        """

    def check_patients(self, claims: Iterable[Claims]) -> None:
        """UserError where what all batches of a set claim shows that the parameters do not tell its patients apart.

        Here: never, and nothing is read of `claims`.
        """
        return

    @classmethod
    def views_in(cls, folder: Path) -> dict[str, str]:
        """File name to view position ("PA", "AP", ...) as far as a folder of images to score tells it; nothing else of
        that folder need be in order."""
        return {}

    def writer(self, images: Path) -> BatchWriter:
        """A new batch of this layout; `images` is the scored folder. UserError where what stands in it can't be read,
        or where the layout can't be written."""
        raise UserError(f"ingest.layout is {self.name}: in this layout no batch can be made from feedback on {images}")
