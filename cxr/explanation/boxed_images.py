"""Which images play the pointing game: boxed ones, spread over the labels, in an order that is fixed by a hash."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any


def hash_order(image_ids: Sequence[str], seed: int) -> list[str]:
    """Image ids in an order that is random, but a function of the seed and the ids alone."""
    return sorted(image_ids, key=lambda image_id: hashlib.sha256(f"{seed}:{image_id}".encode()).hexdigest())


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
