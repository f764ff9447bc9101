"""Scored images with what became known of them, as a batch of layout `nih` that a retraining takes in.

Patients come from Data_Entry tables beside the images: without a patient a study is left out, since the split is by
patient. A study is left out too where any label of the model is unknown: "not mentioned" would be taken for "absent".
"""
import csv
import gzip
import io
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stages.artifacts import atomic_folder
from stages.batches.names import TABLE
from stages.feedback.labels import Refused

NO_FINDING = "No Finding"  # how a Data_Entry table says that a study has none
_IMAGE, _FINDINGS, _PATIENT = "Image Index", "Finding Labels", "Patient ID"
_MOST_BYTES = 1 << 28


@dataclass(frozen=True)
class Made:
    """A batch: `studies` in it, and how many were left out, by reason."""

    studies: int
    left_out: dict[str, int]


def make(scored: pd.DataFrame, known: pd.DataFrame, images: Path, out: Path) -> Made:
    """Write the batch `out` (layout nih, whole or not at all) from the images below a scored folder.

    `scored`: columns image_id, source; `known`: index image_id, a column a label (0, 1, NaN). Refused where no study
    can go in, or `out` stands already.
    """
    if out.exists():
        raise Refused(f"{out}: stands already; give the batch another name")
    entries = _entries(images)
    rows: list[tuple[Path, dict[str, str]]] = []
    left_out = {"a label is unknown": 0, "not in the folder": 0, "no patient is known": 0}
    for image, source in _sources(scored, known.index):
        labels, entry = known.loc[image], entries.get(Path(source).name, {})
        if labels.isna().any():
            left_out["a label is unknown"] += 1
        elif not (images / source).is_file():
            left_out["not in the folder"] += 1
        elif not entry.get(_PATIENT, "").strip():
            left_out["no patient is known"] += 1
        else:
            rows.append((images / source, {**entry, _IMAGE: f"{image[:32]}{Path(source).suffix.lower()}",
                                           _FINDINGS: "|".join(labels.index[labels == 1]) or NO_FINDING}))
    if not rows:
        raise Refused(f"no study for a batch: of {len(known)} with feedback, " + in_words(left_out)
                      + f"; patients are read from a Data_Entry*.csv in {images} or one level below")
    with atomic_folder(out) as part:
        (part / "images").mkdir()
        for path, row in rows:
            shutil.copyfile(path, part / "images" / row[_IMAGE])
        (part / "Data_Entry_feedback.csv").write_text(_table(row for _, row in rows))
    return Made(len(rows), {reason: count for reason, count in left_out.items() if count})


def in_words(left_out: Mapping[str, int]) -> str:
    """The counts as a phrase."""
    return ", ".join(f"{count} left out ({reason})" for reason, count in left_out.items() if count) or "none left out"


def _sources(scored: pd.DataFrame, wanted: Iterable[str]) -> list[tuple[str, str]]:
    """(image id, path below the scored folder) of the studies with feedback, each once."""
    rows = scored[scored["image_id"].isin(list(wanted))].drop_duplicates("image_id", keep="last")
    return sorted(zip(rows["image_id"].astype(str), rows["source"].astype(str), strict=True))


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
