"""Which images are explained for the overlays: true and false positives of each label.

Functions over tables; every order is fixed (probability, image_id), so the same inputs choose the same images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from cxr.model.card import OperatingPoint

TRUE_POSITIVE, FALSE_POSITIVE = "true_positive", "false_positive"


@dataclass(frozen=True)
class OverlayCase:
    """One image and one label to explain; `kind` is true_positive or false_positive, `rank` counts from 1."""

    image_id: str
    label: str
    kind: str
    rank: int
    probability: float
    threshold: float


def positives(
    predictions: pd.DataFrame, labels: Sequence[str], operating_points: Mapping[str, OperatingPoint], per_label: int
) -> list[OverlayCase]:
    """The `per_label` surest true positives and false positives of each label at the card's operating point.

    `predictions`: `image_id`, `probability_<label>`, `target_<label>`. Surest first, ties by image_id. A label without
    operating point has no cases.
    """
    cases = []
    for label in labels:
        if label not in operating_points:
            continue
        threshold = operating_points[label].threshold
        columns = {f"probability_{label}": "probability", f"target_{label}": "target"}
        table = predictions[["image_id", *columns]].rename(columns=columns)
        table = table[table["probability"] >= threshold].sort_values(
            ["probability", "image_id"], ascending=[False, True], kind="stable"
        )
        for kind, target in ((TRUE_POSITIVE, 1), (FALSE_POSITIVE, 0)):
            chosen = table[table["target"] == target].head(per_label)
            pairs = zip(chosen["image_id"], chosen["probability"], strict=True)
            cases += [
                OverlayCase(image_id, label, kind, rank, float(probability), threshold)
                for rank, (image_id, probability) in enumerate(pairs, 1)
            ]
    return cases
