"""What the stage reads: the chosen variant's model folder, test images with their boxes, and the predictions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from cxr.core.errors import UserError
from cxr.core.files import read_json
from cxr.data import manifest
from cxr.data.manifest import Manifest
from cxr.data.shards import Shards
from cxr.explanation.boxes import placed_boxes
from cxr.model import model_folder
from cxr.model.card import ModelCard

CHOICE = Path("metrics/compress.json")
PREDICTIONS = Path("data/predictions.parquet")


@dataclass(frozen=True)
class ExplainInputs:
    """`boxes`: image_id to boxes in pixels of the net's input, of every boxed image, whatever its split."""

    variant: str
    folder: Path
    card: ModelCard
    manifest: Manifest
    shards: Shards
    predictions: pd.DataFrame
    boxes: Mapping[str, list[dict[str, Any]]]

    @property
    def labels(self) -> Sequence[str]:
        """The labels in the order of the net's logits."""
        return self.manifest.head.labels

    @property
    def test_boxes(self) -> dict[str, list[dict[str, Any]]]:
        """The boxes of test images alone."""
        test = set(self.manifest.rows("test").table["image_id"])
        return {image_id: boxes for image_id, boxes in self.boxes.items() if image_id in test}


def read() -> ExplainInputs:
    """Read and check everything; UserError says what does not fit and which stage to run again."""
    variant = str(read_json(CHOICE)["chosen"]["name"])
    folder = model_folder.of_variant(variant)
    card, table, shards = model_folder.read_card(folder), manifest.read(), Shards()
    if card.labels != list(table.head.labels):
        raise UserError(f"{folder / model_folder.CARD}: its labels are not the manifest's; run `dvc repro train`")
    predictions = read_predictions(PREDICTIONS, variant, table.head.labels)
    return ExplainInputs(variant, folder, card, table, shards, predictions, placed_boxes(table, shards.image_shape[:2]))


def read_predictions(path: Path, variant: str, labels: Sequence[str]) -> pd.DataFrame:
    """The variant's rows: `image_id`, `probability_<label>`, `target_<label>`; UserError where there are none."""
    columns = ["variant", "image_id", *(f"{kind}_{label}" for label in labels for kind in ("probability", "target"))]
    if missing := set(columns) - set(pq.read_schema(path).names):
        raise UserError(f"{path}: column '{min(missing)}' is missing; run `dvc repro evaluate`")
    table: pd.DataFrame = pq.read_table(path, columns=columns).to_pandas()
    rows = table[table["variant"] == variant].drop(columns="variant")
    if rows.empty:
        raise UserError(f"{path}: no rows of the chosen variant '{variant}'; run `dvc repro evaluate`")
    return rows.reset_index(drop=True)


def file_names(labels: Sequence[str]) -> dict[str, str]:
    """Label to a part of a file name: letters, digits, hyphens, underscores; numbered where two would be one file."""
    plain = {label: re.sub(r"[^A-Za-z0-9-]+", "_", label).strip("_") or "label" for label in labels}
    taken = [name.lower() for name in plain.values()]
    return {
        label: name if taken.count(name.lower()) == 1 else f"{name}_{position}"
        for position, (label, name) in enumerate(plain.items(), 1)
    }
