"""Several rows of one table about one image: their findings are united, or they are refused; never does the first win.

By `ingest.repeated_rows: union` the first row is kept with the findings of all; each further row is counted as merged,
with what it was: "same", "united" (it brought other findings), "conflict" (one says that there is no finding where
another names one, or views, sexes, ages or studies differ: these are unknown then). Rows that name different patients,
or classes of which an image has one, can't be united: all of them are refused, as they are where one of them is faulty
or `refuse` is asked for. Rows of a later batch are corrections, rows about equal pixels are ingest's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from cxr.params.schema import Ingest
from cxr.raw.layouts.base import Fault, ImageKey, Record

CONFLICT, SAME, UNITED = "conflict", "same", "united"
_UNKNOWN = {"study": "", "view": "", "sex": "", "age": float("nan")}
Labelled = tuple[Record, tuple[int, ...]]  # a row, and 0 or 1 for each of the task's labels
_Image = tuple[str, ImageKey | None]  # the batch of the table, and the image that its rows name


def settle(
    labelled: Sequence[Labelled], faults: Sequence[Fault], section: Ingest
) -> tuple[list[Labelled], list[Fault]]:
    """(rows, the first of each image with what all of them say; faults that are new). A further row keeps its labels,
    and `Record.repeats` says what it was."""
    faulty: dict[_Image, Fault] = {(fault.batch, fault.image): fault for fault in faults if fault.place}
    groups: dict[_Image, list[Labelled]] = {}
    for row, vector in labelled:
        groups.setdefault((row.batch, row.image), []).append((row, vector))
    settled: list[Labelled] = []
    new: list[Fault] = []
    for key, group in groups.items():
        if why := _why_refused(group, faulty.get(key), section):
            new += [Fault(row.batch, row.place, row.name, "repeated_rows", why, row.image) for row, _ in group]
        else:
            settled += _united(group, section.negative) if len(group) > 1 else group
    return settled, new


def _why_refused(group: Sequence[Labelled], faulty: Fault | None, section: Ingest) -> str:
    """Why rows about one image can't be united; "" where they can, or there is one only."""
    if faulty:
        return f"another row about the same image is refused: {faulty.place}, {faulty.reason}"
    if len(group) == 1:
        return ""
    places = ", ".join(row.place for row, _ in group[:3])
    if section.repeated_rows == "refuse":
        return f"{len(group)} rows name one image ({places}), and ingest.repeated_rows is refuse"
    if len({row.patient for row, _ in group}) > 1:
        return f"rows about one image name different patients ({places})"
    if section.task == "multiclass" and len({vector for _, vector in group}) > 1:
        return f"rows about one image name different classes ({places})"
    return ""


def _united(group: Sequence[Labelled], negative: str | None) -> list[Labelled]:
    """The first row with what all rows say, and the others marked."""
    first, others = group[0][0], group[1:]
    known = {name: _known(name, [row for row, _ in group]) for name in _UNKNOWN}
    findings = sorted({finding for row, _ in group for finding in row.findings})
    vector = tuple(max(values) for values in zip(*(vector for _, vector in group), strict=True))
    kept = replace(first, findings=tuple(findings), **{name: values[0] for name, values in known.items()})
    differ = any(len(values) > 1 for values in known.values()) or _contradict([row for row, _ in group], negative)
    marked = [(replace(row, boxes=(), repeats=_outcome(row, first, differ=differ)), own) for row, own in others]
    return [(kept, vector), *marked]


def _outcome(row: Record, first: Record, *, differ: bool) -> str:
    """What a further row was."""
    return CONFLICT if differ else SAME if row.findings == first.findings else UNITED


def _known(name: str, rows: Iterable[Record]) -> list[Any]:
    """The one value that rows give; where none does or they differ, what stands for unknown, then their values."""
    unknown = _UNKNOWN[name]
    values = list(dict.fromkeys(getattr(row, name) for row in rows))
    given = [value for value in values if value == value and value != unknown]  # NaN is not itself
    return given if len(given) == 1 else [unknown, *given]


def _contradict(rows: Iterable[Record], negative: str | None) -> bool:
    """Whether one row says that there is no finding where another names one."""
    return len({bool(set(row.findings) - {negative}) for row in rows}) > 1
