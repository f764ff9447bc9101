"""Reads the other stages' outputs; whatever is missing is None or empty. Nothing is computed here."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cxr.core.files import read_json
from cxr.model.card import ModelCard

Rows = list[dict[str, str]]
# What each part of the report is made from, and the stage that makes it.
METRICS = {
    "validate": Path("metrics/validate.json"),
    "train": Path("metrics/train.json"),
    "compress": Path("metrics/compress.json"),
    "evaluate": Path("metrics/evaluate.json"),
    "latency": Path("metrics/latency.json"),
    "explain": Path("metrics/explain.json"),
    "spec": Path("models/base/spec.json"),
    "overlays": Path("reports/overlays/overlays.json"),
}
TABLES = {
    "quarantine": Path("data/quarantine.csv"),
    "roc": Path("plots/evaluate/roc.csv"),
    "pr": Path("plots/evaluate/pr.csv"),
    "confusion": Path("plots/evaluate/confusion.csv"),
}
CARD = Path("models/base/card.json")
CURVES = Path("plots/train/plots/metrics")
PREDICTIONS = Path("data/predictions.parquet")
OVERLAYS = Path("reports/overlays")
TABLE_LIMIT = 200_000  # rows read of a table


@dataclass(frozen=True)
class ReportInputs:
    """`metrics`: name in METRICS to its content; `tables`: name in TABLES to rows; `curves`: training curve to values
    by epoch; `folder`: where the paths start; `card`: base's. What is missing is not in the mappings, or None."""

    metrics: Mapping[str, Any]
    tables: Mapping[str, Rows]
    curves: Mapping[str, list[float]]
    folder: Path
    card: ModelCard | None = None

    def __getitem__(self, name: str) -> Any:
        """The content of a metrics file, an empty dictionary where it is missing."""
        return self.metrics.get(name, {})

    @property
    def chosen(self) -> str:
        """Name of the variant that is served; "base" where nothing was chosen."""
        return str(self["compress"].get("chosen", {}).get("name", "base"))

    @property
    def variants(self) -> list[str]:
        """Names of what was evaluated or compressed: base first, then the chosen one, then the others by name."""
        found = {name for metrics in (self["evaluate"], self["compress"]) for name in metrics if name != "chosen"}
        first = [name for name in dict.fromkeys(("base", self.chosen)) if name in found]
        return first + sorted(found - set(first))


def read(folder: Path = Path()) -> ReportInputs:
    """Everything below `folder` that is there; ValueError or UserError names a file that can't be read."""
    tables = {name: _rows(folder / path) for name, path in TABLES.items() if (folder / path).exists()}
    curves = {path.stem: _curve(path) for path in sorted((folder / CURVES).glob("**/*.tsv"))}
    return replace(read_headline(folder), tables=tables, curves=curves)


def read_headline(folder: Path = Path()) -> ReportInputs:
    """The metrics and the card alone: all that the headline needs. Errors as in `read`."""
    metrics = {name: read_json(folder / path) for name, path in METRICS.items() if (folder / path).exists()}
    card = ModelCard.read(folder / CARD) if (folder / CARD).exists() else None
    return ReportInputs(metrics, {}, {}, folder, card)


def _rows(path: Path) -> Rows:
    """The first rows of a CSV, as dictionaries of strings."""
    with path.open(newline="") as stream:
        return [row for row, _ in zip(csv.DictReader(stream), range(TABLE_LIMIT), strict=False)]


def _curve(path: Path) -> list[float]:
    """The values of a dvclive curve, in the order of its steps; its value column is the last."""
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream, delimiter="\t"))[1:]
    try:
        return [float(row[-1]) for row in rows if row]
    except ValueError as error:
        raise ValueError(f"{path}: not a curve of numbers: {error}") from error
