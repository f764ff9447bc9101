"""The manifest: one row an image, canonical Parquet, written by ingest and read by every later stage.

Columns: `image_id` (str, 32 hex digits of the SHA-256 of the decoded pixels), `patient` (str, salted hash),
`patient_from` (str, what made the patient: "column" of a table, "pattern", "file_name", "image"), `study` (str),
`view` (str, "PA", "AP", ... or ""), `sex` ("M", "F", ""), `age` (float32 years, NaN unknown), `batch` (str),
`source` (str, path inside the batch; of a private set the file's SHA-256 and suffix), `sha256` (str, of the file's
bytes), `width`, `height` (int32 pixels, of the upright image), `stored_bits` (int16, of a sample in the file: 8, 16),
`bit_depth` (int16, significant bits by which its grey levels are scaled: 8, 10, 12, 14, 16), `orientation` (int8, the
file's EXIF number, 1 upright), the STATISTICS (float32, see `cxr.imaging.statistics`), `boxes` (str, JSON list of
{"label", "x", "y", "w", "h"} in pixels of the upright image), `split` ("train", "validation", "test"), `gate` (bool,
kept for promotion), and `label_<name>` (int8, 1 present, 0 absent) for each label. Sorted by image_id.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cxr.core.files import atomic_file

SPLITS = ("train", "validation", "test")
# DICOM PS3.3 C.8.11.7.1.1.4 (View Position) and the chest views of digital radiography; empty: not known.
VIEWS = ("", "PA", "AP", "LL", "RL", "RLD", "LLD", "RLO", "LLO", "LATERAL")
STATISTICS = (
    "mean",
    "std",
    "median",
    "contrast",
    "skewness",
    "black",
    "white",
    "border",
    "sharpness",
    "noise",
    "aspect",
)
_TYPES: dict[str, pa.DataType] = {
    "image_id": pa.string(),
    "patient": pa.string(),
    "patient_from": pa.string(),
    "study": pa.string(),
    "view": pa.string(),
    "sex": pa.string(),
    "age": pa.float32(),
    "batch": pa.string(),
    "source": pa.string(),
    "sha256": pa.string(),
    "width": pa.int32(),
    "height": pa.int32(),
    "stored_bits": pa.int16(),
    "bit_depth": pa.int16(),
    "orientation": pa.int8(),
    **dict.fromkeys(STATISTICS, pa.float32()),
    "boxes": pa.string(),
    "split": pa.string(),
    "gate": pa.bool_(),
}
COLUMNS = tuple(_TYPES)


@dataclass(frozen=True)
class Head:
    """What holds for the whole set: its name, task, labels in their fixed order, channels, split rule, whether its
    outputs may name files, and the depths (bits) of its 16-bit files, none where it has no such files."""

    set: str
    task: str
    labels: tuple[str, ...]
    channels: int = 1
    negative: str | None = None
    split_rule: dict[str, Any] = field(default_factory=dict)
    public: bool = True
    level_bits: tuple[int, ...] = ()

    def content(self) -> dict[str, Any]:
        """The head as JSON; of a public set of 8-bit files without those words, as it was before there were others."""
        usual: dict[str, Any] = {"public": True, "level_bits": ()}
        return {name: value for name, value in asdict(self).items() if name not in usual or value != usual[name]}

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> "Head":
        """Read back what `content` gave, lists from JSON among it."""
        lists: dict[str, Any] = {name: tuple(content[name]) for name in ("labels", "level_bits") if name in content}
        return cls(**(content | lists))


@dataclass(frozen=True)
class Manifest:
    """Head and table (columns as in this module's first lines)."""

    head: Head
    table: pd.DataFrame

    @property
    def label_columns(self) -> list[str]:
        """Column names of the labels, in the labels' order."""
        return [f"label_{name}" for name in self.head.labels]

    def targets(self) -> np.ndarray:
        """Labels as float32 (images, labels), rows in the table's order; one-hot where the task is multiclass."""
        return self.table[self.label_columns].to_numpy(np.float32)

    def rows(self, split: str, *, gate: bool | None = None) -> "Manifest":
        """The part of one split; `gate=False` leaves the gate studies out, `gate=True` keeps only them."""
        keep = self.table["split"] == split
        if gate is not None:
            keep &= self.table["gate"] == gate
        return Manifest(self.head, self.table[keep].reset_index(drop=True))

    def boxes(self) -> list[list[dict[str, Any]]]:
        """Reference boxes of each row: label, x, y, w, h in source pixels."""
        return [json.loads(text) for text in self.table["boxes"]]


def _schema(labels: Sequence[str]) -> pa.Schema:
    """The Arrow schema of a manifest with these labels; only `age` may be null."""
    fields = [pa.field(name, kind, nullable=name == "age") for name, kind in _TYPES.items()]
    return pa.schema(fields + [pa.field(f"label_{name}", pa.int8(), nullable=False) for name in labels])


def write(path: Path, manifest: Manifest) -> None:
    """Write canonical Parquet: rows sorted by image_id, fixed column order and metadata, no pandas block."""
    schema = _schema(manifest.head.labels)
    frame = manifest.table.sort_values("image_id", kind="stable")[schema.names]
    head = json.dumps(manifest.head.content(), sort_keys=True).encode()
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False).replace_schema_metadata({b"cxr": head})
    write_table(path, table)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file whole or not at all, with settings that give the same bytes every time."""
    with atomic_file(path) as stream:
        pq.write_table(table, stream, compression="zstd", version="2.6", row_group_size=65_536)


def read(path: Path = Path("data/manifest.parquet")) -> Manifest:
    """Read a manifest; ValueError names the file where it is not one."""
    table = pq.read_table(path)
    metadata = table.schema.metadata or {}
    if b"cxr" not in metadata:
        raise ValueError(f"{path}: no manifest (its metadata lack 'cxr'); it is made by `dvc repro ingest`")
    return Manifest(Head.from_content(json.loads(metadata[b"cxr"])), table.to_pandas())
