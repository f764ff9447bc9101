"""Which images are explained: true and false positives for the overlays, boxed images for the pointing game.

Functions over tables; every order is fixed (probability, image_id, hash), so the same inputs choose the same images.
"""
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

TRUE_POSITIVE, FALSE_POSITIVE = "true_positive", "false_positive"


@dataclass(frozen=True)
class Case:
    """One image and one label to explain; `kind` is true_positive or false_positive, `rank` counts from 1."""

    image_id: str
    label: str
    kind: str
    rank: int
    probability: float
    threshold: float


def hash_order(image_ids: Sequence[str], seed: int) -> list[str]:
    """Image ids in an order that is random, but a function of the seed and the ids alone."""
    return sorted(image_ids, key=lambda image_id: hashlib.sha256(f"{seed}:{image_id}".encode()).hexdigest())


def positives(
    predictions: pd.DataFrame, labels: Sequence[str], operating_points: Mapping[str, Any], per_label: int
) -> list[Case]:
    """The `per_label` surest true positives and false positives of each label at the card's operating point.

    `predictions`: `image_id`, `probability_<label>`, `target_<label>`. Surest first, ties by image_id. A label whose
    operating point is "n/a" (nothing to choose it by on validation) has no cases.
    """
    cases = []
    for label in labels:
        threshold = operating_points.get(label, {}).get("threshold", "n/a")
        if isinstance(threshold, str):
            continue
        columns = {f"probability_{label}": "probability", f"target_{label}": "target"}
        table = predictions[["image_id", *columns]].rename(columns=columns)
        table = table[table["probability"] >= threshold].sort_values(
            ["probability", "image_id"], ascending=[False, True], kind="stable")
        for kind, target in ((TRUE_POSITIVE, 1), (FALSE_POSITIVE, 0)):
            chosen = table[table["target"] == target].head(per_label)
            pairs = zip(chosen["image_id"], chosen["probability"], strict=True)
            cases += [Case(image_id, label, kind, rank, float(probability), float(threshold))
                      for rank, (image_id, probability) in enumerate(pairs, 1)]
    return cases


def boxed(
    boxes: Mapping[str, Sequence[Mapping[str, Any]]], labels: Sequence[str], count: int, seed: int
) -> list[tuple[str, str]]:
    """At most `count` pairs (image_id, label), spread over the labels that have boxes; no image twice.

    The labels take turns, the one with fewest images first, each taking its next image in hash order, so that a
    common finding does not crowd out a rare one. Sorted by label (in the labels' order) and image_id.
    """
    order = hash_order(list(boxes), seed)
    waiting = {label: [i for i in order if any(box["label"] == label for box in boxes[i])] for label in labels}
    taken: dict[str, str] = {}
    turns = sorted(labels, key=lambda label: len(waiting[label]))
    while len(taken) < count and any(waiting.values()):
        for label in turns:
            waiting[label] = [image_id for image_id in waiting[label] if image_id not in taken]
            if waiting[label] and len(taken) < count:
                taken[waiting[label].pop(0)] = label
    position = {label: index for index, label in enumerate(labels)}
    return sorted(taken.items(), key=lambda pair: (position[pair[1]], pair[0]))
