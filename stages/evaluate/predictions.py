"""`data/predictions.parquet`: one row for each variant and test image."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from cxr.data.manifest import write_table
from stages.evaluate.figures import Truth, VariantAnswers


def table(truth: Truth, found: Mapping[str, VariantAnswers]) -> pa.Table:
    """Columns `variant`, `image_id`, `patient` (str) and, for each label, `logit_<label>` (float32),
    `probability_<label>` (float64, calibrated), `target_<label>` (int8); variants in their order, images by id."""
    order = np.argsort(np.asarray(truth.image_ids, dtype=str), kind="stable")
    return pa.concat_tables([_rows(truth, name, answers, order) for name, answers in found.items()])


def _rows(truth: Truth, variant: str, answers: VariantAnswers, order: np.ndarray) -> pa.Table:
    """One variant's part of the table, its images in `order`, int64 (n,)."""
    columns = {
        "variant": pa.array([variant] * len(order), pa.string()),
        "image_id": pa.array([truth.image_ids[i] for i in order], pa.string()),
        "patient": pa.array([truth.patients[i] for i in order], pa.string()),
    }
    for position, label in enumerate(truth.labels):
        columns[f"logit_{label}"] = pa.array(answers.logits[order, position], pa.float32())
        columns[f"probability_{label}"] = pa.array(answers.probabilities[order, position], pa.float64())
        columns[f"target_{label}"] = pa.array(truth.targets[order, position].astype(np.int8), pa.int8())
    return pa.table(columns)


def write(path: Path, truth: Truth, found: Mapping[str, VariantAnswers]) -> None:
    """Write the table as canonical Parquet."""
    write_table(path, table(truth, found))
