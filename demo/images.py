"""Renders what the story needs: a batch from scanner A, one from B, windows of studies as they arrive, a poisoned one.

Every part has patients of its own, so that no patient of a window was trained on.
"""

import csv
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

from cxr.params.preset import params as preset_params
from stages.phantom.write import DATA_ENTRY, write_batch

WINDOWS = {"1": "A", "2": "A", "3": "A", "4": "AB", "5": "AB", "6": "AB", "7": "AB", "8": "AB"}
STUDIES = 200  # a window; half of them from each scanner where both stand
_PATIENTS = 10_000  # numbers kept apart for each part


@dataclass(frozen=True)
class Part:
    """A folder of studies from one scanner."""

    name: str
    scanner: str
    studies: int


def parts(first: int) -> list[Part]:
    """All that is rendered; `first` studies in the first batch and in that of scanner B."""
    windows = [
        Part(f"window-{name}{scanner.lower()}", scanner, STUDIES // len(scanners))
        for name, scanners in WINDOWS.items()
        for scanner in scanners
    ]
    return [Part("first", "A", first), Part("scanner-b", "B", first), *windows, Part("poisoned", "B", first * 6 // 10)]


def render(preset: Path, top: Path) -> int:
    """Render what is not there yet below `top`; the number of studies rendered."""
    params, made = preset_params(preset).phantom, 0
    for number, part in enumerate(parts(params.studies)):
        folder = top / part.name
        if folder.exists():
            continue
        rough = top / f".{part.name}"
        shutil.rmtree(rough, ignore_errors=True)
        rough.mkdir(parents=True)
        made += write_batch(
            rough, params, scanner=part.scanner, studies=part.studies, first_patient=1 + number * _PATIENTS
        )
        if part.name == "poisoned":
            shuffle_labels(rough)
        rough.rename(folder)
    return made


def shuffle_labels(folder: Path) -> None:
    """Deal the findings out to other studies of the batch; boxes, which would give it away, are left out."""
    path = folder / DATA_ENTRY
    with path.open(newline="") as stream:
        header, *rows = list(csv.reader(stream))
    dealt = [row[1] for row in rows]
    random.Random(13).shuffle(dealt)
    lines = [
        ",".join(header),
        *(",".join([row[0], finding, *row[2:]]) for row, finding in zip(rows, dealt, strict=True)),
    ]
    path.write_text("\n".join(lines) + "\n")
    for name in ("BBox_List_2017.csv", "SHA256SUMS"):
        (folder / name).unlink()
