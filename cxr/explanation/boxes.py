"""Reference boxes: from source pixels to the net's input, and as masks. Pure NumPy, no files."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cxr.data.manifest import Manifest

Box = Mapping[str, Any]  # "label", "x", "y" (left, top corner), "w", "h"


def scaled(boxes: Sequence[Box], source: tuple[int, int], target: tuple[int, int]) -> list[dict[str, Any]]:
    """Boxes of an image of `source` (height, width) pixels in the coordinates of the `target` (height, width) image.

    The preprocessing stretches an image to the net's input, so each axis has its own factor. What sticks out is cut.
    """
    down, across = target[0] / source[0], target[1] / source[1]
    placed = []
    for box in boxes:
        left, right = np.clip([box["x"] * across, (box["x"] + box["w"]) * across], 0, target[1])
        top, bottom = np.clip([box["y"] * down, (box["y"] + box["h"]) * down], 0, target[0])
        corner = {"x": left, "y": top, "w": right - left, "h": bottom - top}
        placed.append({"label": str(box["label"]), **{key: round(float(v), 2) for key, v in corner.items()}})
    return placed


def placed_boxes(table: Manifest, shape: tuple[int, int]) -> dict[str, list[dict[str, Any]]]:
    """Boxes of every image that has some, in an image of `shape` (height, width) pixels."""
    sources = zip(table.table["height"].astype(int), table.table["width"].astype(int), strict=True)
    rows = zip(table.table["image_id"], sources, table.boxes(), strict=True)
    return {image_id: scaled(boxes, source, shape) for image_id, source, boxes in rows if boxes}


def of_label(boxes: Sequence[Box], label: str) -> list[Box]:
    """The boxes that bear the label."""
    return [box for box in boxes if box["label"] == label]


def mask(boxes: Sequence[Box], shape: tuple[int, int]) -> np.ndarray:
    """Union of boxes, bool (height, width): true where a pixel's centre lies in a box."""
    rows, columns = np.arange(shape[0])[:, None] + 0.5, np.arange(shape[1])[None, :] + 0.5
    inside = np.zeros(shape, bool)
    for box in boxes:
        high = (rows >= box["y"]) & (rows < box["y"] + box["h"])
        wide = (columns >= box["x"]) & (columns < box["x"] + box["w"])
        inside |= high & wide
    return inside
