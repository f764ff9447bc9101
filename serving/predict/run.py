"""Calibrated probabilities for image files, preprocessed exactly as in training. Not a stage: nothing is recorded."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cxr.core.files import NotAPlainFile, open_regular
from cxr.data.preprocessing_spec import Chain
from cxr.imaging.decode import bounded, decode
from cxr.imaging.formats.undecodable import Undecodable
from cxr.imaging.preprocess import apply
from cxr.imaging.usable import ANY_SET
from cxr.model.card import ModelCard
from cxr.raw.names import is_image
from cxr.runtime.litter import is_litter

MAX_PIXELS = 100_000_000
MAX_BYTES = 512 * 2**20
_BLOCK = 32


class Scorer(Protocol):
    """What is needed of `cxr.model.litert.Net`: its card, and calibrated probabilities of uint8 images."""

    card: ModelCard

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Float64 (n, labels) of uint8 (n, height, width, channels)."""
        ...


def files(paths: Iterable[Path]) -> list[Path]:
    """The image files meant: files as named, folders searched through (sorted, by suffix, no symbolic links, nothing
    hidden and no thumbnails that systems and file servers leave)."""
    found: list[Path] = []
    for path in paths:
        found += _inside(path) if path.is_dir() else [path]
    return list(dict.fromkeys(found))


def _inside(folder: Path) -> list[Path]:
    """The image files below a folder."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if is_image(path.name)
        and not is_litter(path.relative_to(folder).as_posix())
        and path.is_file()
        and not path.is_symlink()
    ]


def predict(net: Scorer, paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """One result a file, in their order: `file` and `findings`, or `file` and `error` where it can't be read.

    A finding has `label`, `probability`, `threshold` (the card's operating point, chosen on validation; None where the
    card has none) and `crossed` (None without threshold).
    """
    chain = net.card.preprocessing
    for start in range(0, len(paths), _BLOCK):
        results = [_read(path, chain) for path in paths[start : start + _BLOCK]]
        images = [pixels for _, pixels in results if pixels is not None]
        scored = iter(net.probabilities(np.stack(images)) if images else ())
        for result, pixels in results:
            if pixels is not None:
                result["findings"] = findings(net.card, next(scored))
            yield result


def findings(card: ModelCard, probabilities: np.ndarray) -> list[dict[str, Any]]:
    """Label, calibrated probability, threshold and whether it was crossed, from float64 (labels,)."""
    rows = []
    for label, probability in zip(card.labels, probabilities.tolist(), strict=True):
        point = card.operating_points.get(label)
        rows.append(
            {
                "label": label,
                "probability": round(probability, 6),
                "threshold": point.threshold if point else None,
                "crossed": probability >= point.threshold if point else None,
            }
        )
    return rows


def _read(path: Path, chain: Chain) -> tuple[dict[str, Any], np.ndarray | None]:
    """The beginning of a file's result, and its input for the net where it can be read."""
    result: dict[str, Any] = {"file": str(path)}
    try:
        with open_regular(path, follow=True) as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            return {**result, "error": f"larger than {MAX_BYTES} bytes"}, None
        with bounded(MAX_PIXELS):
            decoded = decode(data, MAX_PIXELS)
            ANY_SET.refuse(decoded, chain.level_bits)
            return result, apply(chain, decoded)
    except Undecodable as error:
        return {**result, "error": str(error)}, None
    except NotAPlainFile as error:
        return {**result, "error": str(error).removeprefix(f"{path}: ")}, None
    except OSError as error:
        return {**result, "error": error.strerror or str(error)}, None
