"""Layout `folder`: a folder for each class, with or without train/val/test above (Kermany's and many others).

Who is a patient stands in no table: `ingest.patient_pattern` finds it in each file's name, or `ingest.one_patient_per`
says that a file name, or an image, is one. Never is it guessed: names that the pattern misses stop ingest.
"""

import os
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar

import pandas as pd

from cxr.core.errors import UserError
from cxr.params.schema import Ingest
from cxr.raw.batch import Batch
from cxr.raw.layouts.base import FILE_NAME, IMAGE, NO_PATIENT, PATTERN, Claims, Fault, Layout, Record
from cxr.raw.names import IMAGE_KINDS, BatchError, in_short, is_document, is_image

ALL_BELOW = "*"  # ingest.below_class: every folder below a class holds images of the class
NO_CLASS = "not exactly one class"  # why a scored study can't go into a batch
_MISSED = "no match: "  # before a name that the pattern misses, so that it is no patient whom the pattern finds
_OF_FEEDBACK = re.compile(r"[0-9a-f]{32}")  # the folder of one image, called by its id
_MASK = re.compile(r"(?P<image>.+?)[ _-]?(?:mask|masks|seg|segmentation|gt)\.\w+", re.IGNORECASE)
_SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}


class Folder(Layout):
    """Rows are the files; the class is the folder's name, the patient comes from the file's name, or its path."""

    name: ClassVar[str] = "folder"
    recognised_by: ClassVar[str] = f"class folders with {IMAGE_KINDS} files"
    official_split: ClassVar[str] = "a train or test folder"

    def __init__(self, section: Ingest) -> None:
        """Compile `ingest.patient_pattern`, which the schema has looked at."""
        super().__init__(section)
        pattern = section.patient_pattern
        self.pattern = re.compile(unicodedata.normalize("NFC", pattern)) if pattern else None

    @classmethod
    def recognise(cls, names: Sequence[str], source: str) -> bool:
        """Whether there are images at all; BatchError where they stand in no class folder, or one level too deep."""
        images = [name for name in names if is_image(name)]
        classes = Counter(class_of(name)[0] for name in images)
        if images and classes[""] == len(images):
            raise BatchError(
                f"{source}: its images stand in no class folder; put each class into a folder named after it"
            )
        if masks := _masks(images):
            raise BatchError(f"{source}: {in_short(masks)}: masks, by the images beside them; move them away")
        inner = {name.split("/")[1].lower() for name in images if name.count("/") > 1}
        if len(classes) == 1 and inner & _SPLIT_FOLDERS.keys():
            raise BatchError(f"{source}: train and test stand one level down; give FROM={source}/{next(iter(classes))}")
        return bool(images)

    @classmethod
    def labelled(cls, source: Path, names: Sequence[str]) -> list[str]:
        """The images that stand in a class folder."""
        return [name for name in names if is_image(name) and class_of(name)[0]]

    def read(self, batch: Batch, earlier: Sequence[Batch]) -> Claims:
        """A record for each image in a class folder, a fault for every other file that is no document.

        UserError where images stand in folders below a class and `ingest.below_class` does not say which of them count.
        """
        names = [name for name in batch.names() if not is_document(name)]
        claims = Claims(left_out=self._below_other_folders(names, batch.folder))
        for name in names:
            if name not in claims.left_out:
                claims.take(self._row(batch.name, name))
        return claims

    def _below_other_folders(self, names: Sequence[str], source: Path) -> frozenset[str]:
        """The files in folders below a class that `ingest.below_class` does not name; UserError as `read` raises it."""
        wanted, below = self.section.below_class, {name: _below_class(name) for name in names}
        folders = Counter(folder for name, folder in below.items() if folder and is_image(name))
        if not folders or wanted == ALL_BELOW:
            return frozenset()
        if wanted not in folders:
            raise UserError(_which_below(source, folders, wanted))
        return frozenset(name for name, folder in below.items() if folder not in ("", wanted))

    def _row(self, batch: str, name: str) -> Record | Fault:
        """What one file claims: a record, or why it can't come in."""
        label, official = class_of(name)
        if not is_image(name):
            return Fault.not_an_image(batch, name)
        if not label:
            return Fault(batch, "", name, "no_class_folder", "it stands in no class folder", (batch, name))
        patient, made_by = self.patient_of(name)
        image = (batch, name)
        return Record(batch, "", name, image, (label,), patient, official=official, patient_from=made_by)

    def patient_of(self, name: str) -> tuple[str, str]:
        """The patient of a path in a batch, and what made it (`cxr.raw.layouts.base.PATIENT_FROM`).

        By the pattern it is all that the group `patient` matches, prefixes and zeros kept. For `one_patient_per:
        file_name` it is the file's name without suffix; where a pattern misses too, but never one that it finds.
        """
        if self.section.one_patient_per == IMAGE:
            return "", IMAGE
        if found := self._by_pattern(name):
            return found, PATTERN
        stem = unicodedata.normalize("NFC", PurePosixPath(name).stem)
        return (f"{_MISSED}{stem}" if self.pattern else stem), FILE_NAME

    def _by_pattern(self, name: str) -> str:
        """The patient by the pattern, searched in the file's name, or in the path where it holds a `/`; "" without."""
        if not self.pattern:
            return ""
        place = name if self.sees_path else PurePosixPath(name).name
        found = self.pattern.search(unicodedata.normalize("NFC", place))
        return (found["patient"] or "").strip() if found else ""

    @property
    def sees_path(self) -> bool:
        """Whether the pattern is one for the path below the batch: it holds a `/`, which no file's name does."""
        return self.pattern is not None and "/" in self.pattern.pattern

    def check_patients(self, claims: Iterable[Claims]) -> None:
        """UserError where the pattern misses more of the image names than `ingest.max_pattern_misses` allows."""
        records = [record for claim in claims for record in claim.records]
        missed = [record.name for record in records if record.patient_from == FILE_NAME]
        most = self.section.max_pattern_misses
        if self.pattern and len(missed) > most * len(records):
            raise UserError(
                f"params.yaml: ingest.patient_pattern ({self.pattern.pattern}) finds no patient in {len(missed)} of "
                f"{len(records)} image names, more than ingest.max_pattern_misses ({most:g}) allows: "
                f"{', '.join(map(repr, missed[:3]))}{', ...' if len(missed) > 3 else '.'} {self._place()}. Mend the "
                "pattern; or, where the names hold no patients, set patient_pattern to null and one_patient_per to "
                "file_name or image (docs/how-to/own-data.md): a name that is missed would be a patient of its own, "
                "and one patient's images would come into several splits"
            )

    def _place(self) -> str:
        """Where the pattern is searched, for reading."""
        if self.sees_path:
            return "It has a / and is searched in the path below the batch"
        return "It has no / and is searched in the file name alone"

    def writer(self, images: Path) -> "FolderWriter":
        """A batch of class folders; `ingest.negative` names the class of a study without finding.

        UserError where the pattern sees the path: a scored image stands in other folders than the set's.
        """
        if self.sees_path:
            raise UserError(
                f"params.yaml: ingest.patient_pattern ({self.section.patient_pattern}) finds patients in the path "
                "below the batch, and scored images stand in other folders: put the studies into folders as the set's "
                "and add them with `make add-batch`"
            )
        return FolderWriter(self)


class FolderWriter:
    """Images under their own names, each in the folder of its class: the name holds the patient, as `read` needs it."""

    def __init__(self, layout: Folder) -> None:
        """Start without a study; `layout` knows the pattern of patients and the negative class."""
        pattern = layout.section.patient_pattern
        by_name = f", and its file's name holds the patient by ingest.patient_pattern ({pattern})" if pattern else ""
        self.needs = f"a study has one class{by_name}"
        self._layout, self._negative = layout, layout.section.negative
        self._files: list[tuple[Path, Path]] = []

    def take(self, image: str, path: Path, labels: "pd.Series[float]") -> str:
        """Take in a study of exactly one class whose patient is known: see `cxr.raw.layouts.base.BatchWriter`."""
        classes = [str(name) for name in labels.index[labels == 1]] or ([self._negative] if self._negative else [])
        if len(classes) != 1:
            return NO_CLASS
        if self._layout.pattern and self._layout.patient_of(path.name)[1] != PATTERN:
            return NO_PATIENT
        self._files.append((path, Path(classes[0]) / image[:32] / path.name))  # two files may have the same name
        return ""

    def write(self, folder: Path) -> None:
        """Copy the images, each into a folder of its own below its class."""
        for source, place in self._files:
            (folder / place).parent.mkdir(parents=True)
            shutil.copyfile(source, folder / place)


def class_of(name: str) -> tuple[str, str]:
    """(class folder, "train", "validation", "test" or "") of a path in this layout; class "" where it has none."""
    parts = name.split("/")
    split = _SPLIT_FOLDERS.get(parts[0].lower(), "") if len(parts) > 1 else ""
    inside = parts[1:] if split else parts
    return (inside[0] if len(inside) > 1 else ""), split


def _below_class(name: str) -> str:
    """The folder below its class in which a file stands, "" for none, and for the one that `FolderWriter` makes."""
    inside = name.split("/")[1 if class_of(name)[1] else 0 :]
    return inside[1] if len(inside) > 2 and not _OF_FEEDBACK.fullmatch(inside[1]) else ""


def _which_below(source: Path, folders: Counter[str], wanted: str | None) -> str:
    """What to say of folders below a class of which nobody said whether they hold images of it."""
    found = in_short([f"{name} ({count} images)" for name, count in sorted(folders.items())])
    if wanted:
        return f"{source}: no folder {wanted!r} (ingest.below_class) below a class; there are {found}"
    if folders.keys() & _SPLIT_FOLDERS.keys():
        return f"{source}: folders below the classes: {found}; train and test stand above the classes, not below"
    likely = next((name for name in ("images", "image", "img") if name in folders), min(folders))
    return (
        f"{source}: folders below the classes: {found}; say in params.yaml which of them holds the images "
        f'(ingest.below_class: {likely}) or that all do (ingest.below_class: "*", as for a folder for each patient), '
        "or move away what is no image of the class"
    )


def _masks(images: Sequence[str]) -> list[str]:
    """Images that by their names are masks of others beside them: `x_mask.png` where there is an `x.png`."""
    stems = {os.path.splitext(name)[0] for name in images}  # noqa: PTH122 (ten times as fast)
    return [name for name in images if (of := _MASK.fullmatch(name)) and of["image"] in stems]
