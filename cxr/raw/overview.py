"""What a set holds: its batches in a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr.raw.add import pointer_of
from cxr.raw.batch import Batch, open_set
from cxr.raw.checksums import check_ledger
from cxr.raw.layouts.registry import layout_of
from cxr.raw.names import BatchError, is_image
from cxr.raw.recorded import recorded


@dataclass(frozen=True)
class Line:
    """A batch: numbers of files and images, layout ("?" for none), SHA-256 of its SHA256SUMS, and where a run with it
    is recorded ("no" for nowhere)."""

    batch: str
    files: int
    images: int
    layout: str
    sha256: str
    recorded: str


def batches_of(folder: Path) -> list[Line]:
    """The batches of a set, in order. BatchError where it is not here, or is not the one that the ledger knows."""
    batches = open_set(folder)
    check_ledger(folder, batches)
    pointer = pointer_of(folder)
    where = recorded(folder, pointer) if pointer.exists() else {batch.name: "by a stage" for batch in batches}
    return [
        Line(
            batch.name,
            len(batch.names()),
            sum(map(is_image, batch.names())),
            _layout(batch),
            batch.checksum,
            where.get(batch.name, "no"),
        )
        for batch in batches
    ]


def table(rows: Sequence[Sequence[object]]) -> str:
    """Rows as lines, the columns below one another."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def _layout(batch: Batch) -> str:
    try:
        return layout_of(batch.names(), str(batch.folder)).name
    except BatchError:
        return "?"
