"""The images that drove a verdict: which of the window they are, and small pictures of them for the drift report."""

import base64
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from cxr.core.files import NotAPlainFile, open_regular
from cxr.data.preprocessing_spec import ANY_DEPTH
from cxr.imaging.decode import decode
from cxr.imaging.formats.undecodable import Undecodable
from cxr.imaging.levels import bits_of
from cxr.imaging.preprocess import to_range
from serving.monitor.compare import Prepared, WindowComparisons
from serving.monitor.rule import DriftComparison, Judged
from serving.monitor.window import StudyArrays

_SIDE = 168  # pixels of the longer side
_MAX_PIXELS, _MAX_BYTES = 100_000_000, 512 * 2**20


def drivers(
    judged: Sequence[Judged], found: WindowComparisons, prepared: Prepared, window: StudyArrays, most: int
) -> list[tuple[int, str]]:
    """(row of the window, the comparison that it stands for), at most `most`, none twice.

    In turn from the comparisons that said drift, the strongest first: the studies farthest on the side to which the
    column moved, or most like the window and least like the reference.
    """
    ranked = [
        (j.comparison.name, np.argsort(-toward, kind="stable"))
        for j in judged
        if j.drifted and (toward := _toward(j.comparison, found, prepared, window)) is not None
    ]
    chosen: dict[int, str] = {}
    for place in range(len(window)):
        for name, order in ranked:
            if len(chosen) == most:
                return list(chosen.items())
            chosen.setdefault(int(order[place]), name)
    return list(chosen.items())


def _toward(
    comparison: DriftComparison, found: WindowComparisons, prepared: Prepared, window: StudyArrays
) -> np.ndarray | None:
    """How far each study of the window lies in the direction of the shift, float (n,); None for accuracy, latency."""
    name, old = comparison.name, prepared.studies
    label = name.split(" ")[-1]
    if name in found.toward:
        return found.toward[name]
    if comparison.kind == "prediction" and label in prepared.labels:
        i = prepared.labels.index(label)
        return _moved(old.probabilities[:, i], window.probabilities[:, i])
    if name in old.names:
        return _moved(old.statistics[:, old.names.index(name)], window.statistics[:, window.names.index(name)])
    words = {"view": (old.view, window.view), "size": (old.size, window.size)}.get(name)
    return None if words is None else _rarity(*words)


def _moved(reference: np.ndarray, window: np.ndarray) -> np.ndarray:
    moved: np.ndarray = (window - np.median(reference)) * (1 if np.mean(window) >= np.mean(reference) else -1)
    return moved


def _rarity(reference: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Share of the window less share of the reference, of each study's word."""
    return np.array([(window == word).mean() - (reference == word).mean() for word in window])


def thumbnail(folder: Path, source: str) -> str | None:
    """A small grey picture of `source` below `folder` as a data URI; None where it is not there or can't be decoded.

    A source that leads out of the folder is not followed.
    """
    path = (folder / source).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file() or path.stat().st_size > _MAX_BYTES:
        return None
    try:
        with open_regular(path) as stream:
            decoded = decode(stream.read(), _MAX_PIXELS)
    except (Undecodable, NotAPlainFile):
        return None
    shrunk = to_range(decoded.upright, bits_of(decoded, ANY_DEPTH))
    scale = min(1.0, _SIDE / max(shrunk.shape[:2]))
    sides = tuple(max(1, round(side * scale)) for side in shrunk.shape[1::-1])
    small = cv2.resize(shrunk, sides, interpolation=cv2.INTER_AREA)
    content = cv2.imencode(".png", small[..., ::-1] if small.ndim == 3 else small)[1].tobytes()
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
