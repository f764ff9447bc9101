"""What is compared, as arrays: a window of scored studies, and the reference in the same shape. No files here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cxr.model.card import PlattScaling, TemperatureScaling
from cxr.model.probabilities import calibrated
from cxr.model.reference import Reference


@dataclass(frozen=True)
class StudyArrays:
    """n studies as the model saw them; the same row everywhere is the same study.

    `statistics` float64 (n, len(names)) by `names`; `features` float32 (n, k); `logits` float32 and `probabilities`
    float64 (n, labels); `view` and `size` str (n,) ("width x height, bits"); `targets` float64 (n, labels), NaN where
    no label came; `latency_ms` float64 (n,), NaN where not measured.
    """

    names: tuple[str, ...]
    statistics: np.ndarray
    features: np.ndarray
    logits: np.ndarray
    probabilities: np.ndarray
    view: np.ndarray
    size: np.ndarray
    targets: np.ndarray
    latency_ms: np.ndarray

    def __len__(self) -> int:
        """How many studies there are."""
        return len(self.logits)


def of_reference(reference: Reference, calibration: PlattScaling | TemperatureScaling) -> StudyArrays:
    """The reference's studies, their probabilities by the model's calibration."""
    size = sizes(reference.width, reference.height, reference.bit_depth)
    return StudyArrays(
        tuple(map(str, reference.names)),
        reference.statistics.astype(np.float64),
        reference.features,
        reference.logits,
        calibrated(reference.logits, calibration),
        reference.view,
        size,
        reference.targets.astype(np.float64),
        np.full(len(reference), np.nan),
    )


def of_log(table: pd.DataFrame, names: Sequence[str], labels: Sequence[str], truth: pd.DataFrame) -> StudyArrays:
    """Rows of the scoring log, in their order, with the feedback's labels joined on.

    `truth`: index image_id, columns labels, 0 or 1 or NaN. KeyError where the log lacks a column.
    """
    features = table["features"].tolist()
    targets = truth.reindex(index=table["image_id"], columns=list(labels)).to_numpy(np.float64)
    return StudyArrays(
        tuple(names),
        table[list(names)].to_numpy(np.float64),
        np.array(features, np.float32).reshape(len(table), -1 if features else 0),
        table[[f"logit_{label}" for label in labels]].to_numpy(np.float32),
        table[[f"probability_{label}" for label in labels]].to_numpy(np.float64),
        table["view"].to_numpy(np.str_),
        sizes(*(table[name].to_numpy() for name in ("width", "height", "bit_depth"))),
        targets,
        table["latency_ms"].to_numpy(np.float64),
    )


def sizes(width: np.ndarray, height: np.ndarray, bit_depth: np.ndarray) -> np.ndarray:
    """Matrix size and depth as one word for each study, str (n,)."""
    return np.array([f"{w} x {h}, {b} bit" for w, h, b in zip(width, height, bit_depth, strict=True)], np.str_)
