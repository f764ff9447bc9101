"""What is evaluated: base and the variants that compress made, each with its folder and its size."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr.core.errors import UserError
from cxr.core.files import read_json
from cxr.model import model_folder
from cxr.model.litert import InferenceError, Net
from cxr.model.model_folder import BASE


@dataclass(frozen=True)
class Variant:
    """A model folder; `size` and `zipped` are the bytes of its TFLite file, raw and after gzip."""

    name: str
    folder: Path
    size: int
    zipped: int


def listed(compressed: Path, models: Path) -> list[Variant]:
    """Base first, then the variants of `metrics/compress.json`, by name.

    UserError where that file is missing, does not name base, or names one that has no folder.
    """
    if not compressed.is_file():
        raise UserError(f"{compressed}: missing; it is made by `dvc repro compress`")
    figures = {name: row for name, row in read_json(compressed).items() if isinstance(row, dict) and "bytes" in row}
    if BASE not in figures:
        raise UserError(f"{compressed}: has no '{BASE}' with its bytes; run `dvc repro compress`")
    names = [BASE, *sorted(figures.keys() - {BASE})]
    return [_variant(name, figures[name], compressed, models) for name in names]


def _variant(name: str, row: dict[str, Any], compressed: Path, models: Path) -> Variant:
    """The variant of one row of `metrics/compress.json`; UserError where its folder is missing."""
    folder = model_folder.of_variant(name, models)
    if not folder.is_dir():
        raise UserError(f"{compressed}: names '{name}', but {folder} is missing; run `dvc repro compress`")
    return Variant(name, folder, int(row["bytes"]), int(row["bytes_gzip"]))


def opened(variant: Variant, labels: Sequence[str], threads: int, block: int | None = None) -> Net:
    """The variant's net; UserError where it cannot be run, or has other labels than the manifest."""
    try:
        net = Net(variant.folder, threads) if block is None else Net(variant.folder, threads, block)
    except InferenceError as error:
        raise UserError(str(error)) from error
    if net.labels != list(labels):
        raise UserError(
            f"{variant.folder}: its labels {net.labels} are not the manifest's {list(labels)}; run `dvc repro compress`"
        )
    return net
