"""Layout `folder`: a folder for each class, with or without train/val/test above (Kermany's and many others)."""

import os
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar

import pandas as pd

from cxr.core.errors import UserError
from cxr.params.schema import Ingest
from cxr.raw.batch import Batch
from cxr.raw.layouts.base import NO_PATIENT, Claims, Fault, Layout, Record
from cxr.raw.names import IMAGE_KINDS, BatchError, in_short, is_document, is_image

ALL_BELOW = "*"  # ingest.below_class: every folder below a class holds images of the class
NO_CLASS = "not exactly one class"  # why a scored study can't go into a batch
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
    """Rows are the files; the class is the folder's name, the patient comes from the file's name."""

    name: ClassVar[str] = "folder"
    recognised_by: ClassVar[str] = f"class folders with {IMAGE_KINDS} files"
    official_split: ClassVar[str] = "a train or test folder"

    def __init__(self, section: Ingest) -> None:
        """Compile `ingest.patient_pattern`; UserError where it is no regular expression with a group `patient`."""
        super().__init__(section)
        pattern = section.patient_pattern
        try:
            self.pattern = re.compile(pattern) if pattern else None
        except re.error as error:
            raise UserError(f"params.yaml: ingest.patient_pattern: {error}: {pattern!r}") from error
        if self.pattern and "patient" not in self.pattern.groupindex:
            raise UserError(f"params.yaml: ingest.patient_pattern has no group (?P<patient>...): {pattern!r}")

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
        return Record(batch, "", name, (batch, name), (label,), self.patient_of(name), official=official)

    def patient_of(self, name: str) -> str:
        """The patient by the pattern (the whole group, prefixes kept), else the file's name without suffix."""
        path = PurePosixPath(name)
        found = self.pattern.search(path.name) if self.pattern else None
        return (found["patient"] if found else None) or path.stem

    def writer(self, images: Path) -> "FolderWriter":
        """A batch of class folders; `ingest.negative` names the class of a study without finding."""
        return FolderWriter(self)


class FolderWriter:
    """Images under their own names, each in the folder of its class: the name holds the patient, as `read` needs it."""

    def __init__(self, layout: Folder) -> None:
        """Start without a study; `layout` knows the pattern of patients and the negative class."""
        self.needs = (
            "a study has one class, and its file's name holds the patient by ingest.patient_pattern "
            f"({layout.section.patient_pattern})"
        )
        self._pattern, self._negative = layout.pattern, layout.section.negative
        self._files: list[tuple[Path, Path]] = []

    def take(self, image: str, path: Path, labels: "pd.Series[float]") -> str:
        """Take in a study of exactly one class whose patient is known: see `cxr.raw.layouts.base.BatchWriter`."""
        classes = [str(name) for name in labels.index[labels == 1]] or ([self._negative] if self._negative else [])
        if len(classes) != 1:
            return NO_CLASS
        if self._pattern and not self._pattern.search(path.name):
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
    return (
        f"{source}: folders below the classes: {found}; say in params.yaml which of them holds the images "
        f"(ingest.below_class: {max(sorted(folders), key=lambda name: folders[name])}), or that all do "
        '(ingest.below_class: "*"), or move away what is no image of the class'
    )


def _masks(images: Sequence[str]) -> list[str]:
    """Images that by their names are masks of others beside them: `x_mask.png` where there is an `x.png`."""
    stems = {os.path.splitext(name)[0] for name in images}  # noqa: PTH122 (ten times as fast)
    return [name for name in images if (of := _MASK.fullmatch(name)) and of["image"] in stems]
