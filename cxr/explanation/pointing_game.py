"""The pointing game (Zhang et al. 2018, IJCV 126, doi 10.1007/s11263-017-1059-x) and its trivial baselines.

A hit: the smoothed attribution's maximum lies in a reference box of the label (no tolerance about the box, stricter
than the paper's 15 pixels). The score is the mean over labels of hits / images, as in the paper. Baselines play on
the same images: a random point, the image's centre, and the peak of the label's mean box mask in other patients.
Pure NumPy over maps and boxes; no files.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from cxr.core.files import number
from cxr.explanation.boxes import Box, mask, of_label

METHODS = ("score", "random", "centre", "class_prior")
SMOOTHING = 1 / 32  # standard deviation of the Gaussian, of the image's side
_GRID = 64  # side of the grid on which box masks are averaged


@dataclass(frozen=True)
class Trial:
    """One image and label: `score`, `centre`, `class_prior` are 1.0 for a hit, `random` a hit's probability."""

    label: str
    score: float
    random: float
    centre: float
    class_prior: float


def smooth(values: np.ndarray) -> np.ndarray:
    """Signed attributions (height, width) after a Gaussian of `SMOOTHING` times the side; float32, same shape."""
    sigma = max(values.shape) * SMOOTHING
    return cv2.GaussianBlur(values.astype(np.float32), (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)


def peak(values: np.ndarray) -> tuple[int, int]:
    """Row and column of the most positive value; the first in reading order where several are equal."""
    row, column = np.unravel_index(int(np.argmax(values)), values.shape)
    return int(row), int(column)


class ClassPrior:
    """Where a label's boxes usually lie: mean box masks over other patients' images."""

    def __init__(self, images: Iterable[tuple[str, Sequence[Box]]], shape: tuple[int, int]) -> None:
        """`images`: patient and boxes (in an image of `shape` pixels) of every image to learn from."""
        self.shape = shape
        self._sums: dict[tuple[str, str], np.ndarray] = {}
        for patient, boxes in images:
            for label in sorted({str(box["label"]) for box in boxes}):
                held = self._sums.setdefault((label, patient), np.zeros((_GRID, _GRID)))
                held += mask([_on_grid(box, shape) for box in of_label(boxes, label)], (_GRID, _GRID))

    def peak(self, label: str, without_patient: str) -> tuple[int, int]:
        """Row and column where other patients' boxes of the label usually lie; the image's centre where none do."""
        others = [
            held for (name, patient), held in sorted(self._sums.items()) if name == label and patient != without_patient
        ]
        if not others:
            return self.shape[0] // 2, self.shape[1] // 2
        row, column = peak(smooth(np.sum(others, axis=0)))  # smoothed: a plateau's middle, not its corner
        return int((row + 0.5) * self.shape[0] / _GRID), int((column + 0.5) * self.shape[1] / _GRID)


def _on_grid(box: Box, shape: tuple[int, int]) -> dict[str, Any]:
    """A box of an image of `shape` (height, width) pixels in coordinates of the grid."""
    down, across = _GRID / shape[0], _GRID / shape[1]
    return {"x": box["x"] * across, "y": box["y"] * down, "w": box["w"] * across, "h": box["h"] * down}


def trial(values: np.ndarray, boxes: Sequence[Box], label: str, prior: tuple[int, int]) -> Trial:
    """Play one image: `values` are its smoothed attributions (height, width), `prior` the class prior's peak."""
    inside = mask(of_label(boxes, label), values.shape)
    centre = inside[values.shape[0] // 2, values.shape[1] // 2]
    return Trial(label, float(inside[peak(values)]), float(inside.mean()), float(centre), float(inside[prior]))


def _means(trials: Sequence[Trial]) -> dict[str, float]:
    """Mean hit rate of each method over the trials."""
    return {method: float(np.mean([getattr(t, method) for t in trials])) for method in METHODS}


def wilson(hits: float, total: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927, JASA 22)."""
    share, spread = hits / total, z * z / total
    half = z * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    return (share + spread / 2 - half) / (1 + spread), (share + spread / 2 + half) / (1 + spread)


def result(trials: Sequence[Trial], labels: Sequence[str]) -> dict[str, Any]:
    """What `metrics/explain.json` says of the game: macro scores of all methods, and each label's with its count.

    `hit_share` is hits / images over all labels together, with its 95 % Wilson interval; `beats_class_prior` is 1
    or 0. Every figure is "n/a" with a count of 0 where the set has no boxes.
    """
    by_label: dict[str, Mapping[str, Any]] = {}
    for label in labels:
        mine = [t for t in trials if t.label == label]
        if mine:
            scores = {method: number(value) for method, value in _means(mine).items()}
            by_label[label] = {**scores, "hits": int(sum(t.score for t in mine)), "images": len(mine)}
    if not trials:
        return {**dict.fromkeys((*METHODS, "hit_share", "beats_class_prior"), "n/a"), "hits": 0, "images": 0}
    macro = {
        method: float(np.mean([_means([t for t in trials if t.label == label])[method] for label in by_label]))
        for method in METHODS
    }
    hits = int(sum(t.score for t in trials))
    low, high = wilson(hits, len(trials))
    return {
        **{method: number(value) for method, value in macro.items()},
        "hits": hits,
        "images": len(trials),
        "hit_share": {"value": number(hits / len(trials)), "low": number(low), "high": number(high)},
        "beats_class_prior": int(macro["score"] > macro["class_prior"]),
        "by_label": by_label,
    }
