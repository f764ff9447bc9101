"""Labels of scored studies, as a folder of Parquet parts: one row a study and label, what came later counts.

Columns of a part: `image_id` (str), `label` (str), `value` (int8, 0 or 1), `added_at` (timestamp, UTC). A part's name
is the hash of its content, so that the same table twice is one part.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cxr.core.errors import UserError
from cxr.core.files import canonical_json
from cxr.data.manifest import write_table
from cxr.raw.image_names import plain
from cxr.raw.tables import Row, TableFile

KEYS = ("image_id", "source")
_VALUES = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}  # the latter as pandas writes a column with gaps
_UNKNOWN = {
    "image_id": "was never scored",
    "source": "was never scored, or its name is not known here (of a private set .runs/names has it, where it was "
    "scored): name it by image_id",
}
_SHOWN = 10  # rows named where many are wrong
_SCHEMA = pa.schema(
    [("image_id", pa.string()), ("label", pa.string()), ("value", pa.int8()), ("added_at", pa.timestamp("us", "UTC"))]
)


class FeedbackRefused(UserError):
    """Feedback that can't be taken in, or made a batch of; the message has a line for each wrong row, with its value.

    Nothing was kept.
    """


def add(folder: Path, table: Path, scored: pd.DataFrame, labels: Sequence[str]) -> tuple[Path | None, int]:
    """Take in a CSV table: one row a study, named by `image_id` or `source`, one column a label with 0, 1 or nothing.

    `scored`: columns image_id and source of all scored studies; `labels`: the model's. The part written (None where
    the same content stands already) and its number of labels. FeedbackRefused names what is wrong, row by row.
    """
    rows = _checked(table, scored, labels)
    content = sorted(rows)
    name = f"part-{hashlib.sha256(canonical_json(content).encode()).hexdigest()[:16]}.parquet"
    if (folder / name).exists():
        return None, len(content)
    frame = pd.DataFrame(content, columns=["image_id", "label", "value"]).assign(added_at=datetime.now(UTC))
    write_table(folder / name, pa.Table.from_pandas(frame, schema=_SCHEMA, preserve_index=False))
    return folder / name, len(content)


def read(folder: Path, labels: Sequence[str]) -> pd.DataFrame:
    """What is known: index image_id, a float column for each label, 0, 1 or NaN; empty where nothing came in."""
    parts = [pq.read_table(path).to_pandas() for path in sorted(folder.glob("part-*.parquet"))]
    if not parts:
        return pd.DataFrame(index=pd.Index([], name="image_id"), columns=list(labels), dtype=np.float64)
    rows = pd.concat(parts).sort_values("added_at", kind="stable").drop_duplicates(["image_id", "label"], keep="last")
    wide = rows.pivot(index="image_id", columns="label", values="value").astype(np.float64)
    wide.columns.name = None
    return wide.reindex(columns=list(labels))


def _checked(path: Path, scored: pd.DataFrame, labels: Sequence[str]) -> list[tuple[str, str, int]]:
    """(image_id, label, value) of every filled cell; FeedbackRefused where a column, study or value is not known."""
    table = TableFile.on_disk(path)
    key = _key(path, table.header(one_of=KEYS).names, labels)
    found: dict[tuple[str, str], tuple[int, int]] = {}
    wrong = [f"{path}, {line}" for line in _wrong_rows(table.all_rows(key), key, _ids(scored, key), found)]
    if wrong:
        more = [f"... and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        raise FeedbackRefused("\n".join([*wrong[:_SHOWN], *more, f"{path}: nothing was taken in; mend these rows"]))
    if not found:
        raise FeedbackRefused(f"{path}: no label in it: every cell is empty")
    return [(image, label, value) for (image, label), (value, _) in found.items()]


def _key(path: Path, columns: Sequence[str], labels: Sequence[str]) -> str:
    """The column that names studies; FeedbackRefused where there are two, or a column is no label."""
    keys = [name for name in KEYS if name in columns]
    if len(keys) != 1:
        raise FeedbackRefused(f"{path}: its header must have one of {' and '.join(KEYS)}, not both")
    if unknown := [name for name in columns if name and name not in (*KEYS, *labels)]:
        raise FeedbackRefused(
            f"{path}: column {unknown[0]!r} is no label of the model; its labels: {', '.join(labels)}"
        )
    return keys[0]


def _ids(scored: pd.DataFrame, key: str) -> dict[str, set[str]]:
    """Image ids by what the table calls them."""
    ids: dict[str, set[str]] = {}
    for name, image in zip(scored[key].astype(str), scored["image_id"].astype(str), strict=True):
        ids.setdefault(plain(name.strip()), set()).add(image)  # as a table's cells are read
    return ids


def _wrong_rows(
    rows: Iterable[Row], key: str, ids: Mapping[str, set[str]], found: dict[tuple[str, str], tuple[int, int]]
) -> Iterator[str]:
    """A line for each fault; what is right goes into `found`: (image, label) to its value and line."""
    for row in rows:
        name = row.cells.get(key, "")
        images = ids.get(plain(name), set())
        if row.fault:
            yield f"line {row.line}: {row.fault}"
        elif len(images) != 1:
            said = f"is the source of {len(images)} images: name it by image_id" if images else _UNKNOWN[key]
            yield f"line {row.line}: {key} {name!r} {said}"
        else:
            yield from _wrong_values(row, next(iter(images)), found)


def _wrong_values(row: Row, image: str, found: dict[tuple[str, str], tuple[int, int]]) -> Iterator[str]:
    """A line for each cell that is no label's value, or contradicts an earlier one; the others go into `found`."""
    for label, cell in row.cells.items():
        if label in KEYS or not cell:
            continue
        value = _VALUES.get(cell)
        if value is None:
            yield f"line {row.line}: {label} is {cell!r}; 0, 1 or nothing are understood"
        elif found.setdefault((image, label), (value, row.line))[0] != value:
            yield f"line {row.line}: {label} is {value}, but line {found[image, label][1]} says otherwise"
