"""Which rows of a set can come in, are refused or have no image, as tables and names tell: for the door and for ingest.

No image is opened here: what only its bytes tell is asked by whoever sorts.
"""

from collections.abc import Iterator, Sequence

from cxr.raw.batch import Batch
from cxr.raw.beside import left_out
from cxr.raw.labels import Coding
from cxr.raw.layouts.base import Claims, Fault, Record
from cxr.raw.names import is_image
from cxr.raw.repeated_rows import Labelled


def files_without_row(batches: Sequence[Batch], claims: Sequence[Claims]) -> list[Fault]:
    """A fault for each file that is no table, is not left out, and that no row of any batch names."""
    named = {row.image for row in _rows(claims) if row.image}
    return [
        _stray(batch.name, name)
        for batch, claim in zip(batches, claims, strict=True)
        for name in sorted({*batch.names()} - claim.tables - {*left_out(claim, batch.names())})
        if (batch.name, name) not in named
    ]


def encode_labels(
    claims: Sequence[Claims], coding: Coding | None
) -> tuple[list[Labelled], list[Fault], list[Record | Fault]]:
    """(rows with their labels as numbers, faults, absent rows); whose image is not there is absent, whatever else.

    Only a row whose name can't be relied on is a fault in any case (`Fault.in_any_case`). Without a `coding` no word is
    an unknown label, and rows have no numbers.
    """
    labelled: list[Labelled] = []
    faults: list[Fault] = []
    absent: list[Record | Fault] = []
    for row in _rows(claims):
        if row.image is None and not (isinstance(row, Fault) and row.in_any_case):
            absent.append(row)
        elif isinstance(row, Fault):
            faults.append(row)
        else:
            try:
                labelled.append((row, coding.encode(row.findings) if coding else ()))
            except ValueError as error:
                faults.append(Fault(row.batch, row.place, row.name, "unknown_label", str(error), row.image))
    return labelled, faults, absent


def _rows(claims: Sequence[Claims]) -> Iterator[Record | Fault]:
    """All rows of all batches: of each batch its records, then its faults."""
    for claim in claims:
        yield from claim.records
        yield from claim.faults


def _stray(batch: str, name: str) -> Fault:
    """Why a file that no row names does not come in."""
    if is_image(name):
        return Fault(batch, "", name, "not_in_table", "no row of a table names it", (batch, name))
    return Fault.not_an_image(batch, name)
