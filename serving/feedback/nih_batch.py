"""A batch of layout `nih` from feedback: patients, and what else is known, from Data_Entry tables beside the images."""
import csv
import gzip
import io
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from cxr.raw.names import TABLE
from serving.feedback.batch import NO_PATIENT
from serving.log.labels import Refused

NO_FINDING = "No Finding"  # how a Data_Entry table says that a study has none
_IMAGE, _FINDINGS, _PATIENT = "Image Index", "Finding Labels", "Patient ID"
_MOST_BYTES = 1 << 28


class NihBatch:
    """Images under their ids, and one Data_Entry table whose findings are what feedback says."""

    def __init__(self, images: Path) -> None:
        """`images`: the scored folder. Refused where a table in it lacks the columns of image or patient."""
        self.needs = f"patients are read from a Data_Entry*.csv in {images} or one level below"
        self._entries = _entries(images)
        self._rows: list[tuple[Path, dict[str, str]]] = []

    def take(self, image: str, path: Path, labels: "pd.Series[float]") -> str:
        """See `serving.feedback.batch.Shape`."""
        entry = self._entries.get(path.name, {})
        if not entry.get(_PATIENT, "").strip():
            return NO_PATIENT
        self._rows.append((path, {**entry, _IMAGE: f"{image[:32]}{path.suffix.lower()}",
                                  _FINDINGS: "|".join(labels.index[labels == 1]) or NO_FINDING}))
        return ""

    def write(self, folder: Path) -> None:
        """See `serving.feedback.batch.Shape`."""
        (folder / "images").mkdir()
        for path, row in self._rows:
            shutil.copyfile(path, folder / "images" / row[_IMAGE])
        (folder / "Data_Entry_feedback.csv").write_text(_table(row for _, row in self._rows))


def _entries(folder: Path) -> dict[str, dict[str, str]]:
    """Rows of the Data_Entry tables at the top of a folder, or of folders in it, by image name."""
    found = {}
    for path in sorted([*folder.glob("Data_Entry*"), *folder.glob("*/Data_Entry*")]):
        if TABLE.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            with path.open("rb") as stream:
                content = (gzip.GzipFile(fileobj=stream) if path.suffix == ".gz" else stream).read(_MOST_BYTES)
            found.update(_rows(path, content))
    return found


def _rows(path: Path, content: bytes) -> dict[str, dict[str, str]]:
    reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace")))
    if missing := {_IMAGE, _PATIENT} - set(reader.fieldnames or []):
        raise Refused(f"{path}: has no column {' or '.join(sorted(missing))}")
    return {Path(row[_IMAGE] or "").name: {name: cell or "" for name, cell in row.items() if isinstance(name, str)
                                           and not isinstance(cell, list)} for row in reader}


def _table(rows: Iterable[Mapping[str, str]]) -> str:
    """The Data_Entry table; a column that some rows lack is empty there."""
    given = list(rows)
    columns = list(dict.fromkeys(name for row in given for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(given)
    return text.getvalue()
