"""Scored images with what became known of them, as a batch in the set's layout that a retraining takes in.

A study is left out where any label of the model is unknown ("not mentioned" would be taken for "absent"), and where its
patient is, since the split is by patient. What else a layout needs, and how it is written, the layout's writer says.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cxr.core.files import atomic_folder
from cxr.raw.layouts.base import BatchWriter
from serving.log.file_names import FileNames
from serving.log.labels import FeedbackRefused


@dataclass(frozen=True)
class FeedbackBatch:
    """A batch: `studies` in it, and how many were left out, by reason."""

    studies: int
    left_out: dict[str, int]


def make(scored: pd.DataFrame, known: pd.DataFrame, images: Path, out: Path, writer: BatchWriter) -> FeedbackBatch:
    """Write the batch `out` (whole or not at all) from the images below a scored folder.

    `scored`: columns image_id, source; `known`: index image_id, a column a label (0, 1, NaN). FeedbackRefused where no
    study can go in, or `out` stands already.
    """
    if out.exists():
        raise FeedbackRefused(f"{out}: stands already; give the batch another name")
    wanted = FileNames(images).present(scored[scored["image_id"].isin(known.index)])
    outcomes = Counter(_outcome(image, images / source, known.loc[image], writer) for image, source in _sources(wanted))
    taken = outcomes.pop("", 0)
    if not taken:
        raise FeedbackRefused(
            f"no study for a batch: of {len(known)} with feedback, {in_words(outcomes)}; {writer.needs}"
        )
    with atomic_folder(out) as part:
        writer.write(part)
    return FeedbackBatch(taken, dict(outcomes))


def in_words(left_out: Mapping[str, int]) -> str:
    """The counts as a phrase for the message to the user."""
    return ", ".join(f"{count} left out ({reason})" for reason, count in left_out.items() if count) or "none left out"


def _outcome(image: str, path: Path, labels: "pd.Series[float]", writer: BatchWriter) -> str:
    """Why a study is left out; "" where it goes in."""
    if labels.isna().any():
        return "a label is unknown"
    return writer.take(image, path, labels) if path.is_file() else "not in the folder"


def _sources(wanted: pd.DataFrame) -> list[tuple[str, str]]:
    """(image id, path below the scored folder) of the studies with feedback, sorted."""
    return sorted(zip(wanted["image_id"], wanted["source"], strict=True))
