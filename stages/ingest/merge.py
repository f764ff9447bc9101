"""The same pixels twice are one image: which of its rows is kept, and whose labels hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cxr.raw.layouts.base import Record
from stages.ingest.facts import Fact
from stages.ingest.splits import strictest


@dataclass(frozen=True)
class Candidate:
    """A row whose image decodes and whose findings are known: `vector` has 0 or 1 for each label."""

    record: Record
    fact: Fact
    vector: tuple[int, ...]


@dataclass(frozen=True)
class Merged:
    """A row that gave way to `kept`. `outcome`: "same", "corrected" (a later batch: its labels hold now), "conflict"
    (other labels within one batch: the first row's hold)."""

    kept: Candidate
    gone: Candidate
    outcome: str


def merge(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Merged]]:
    """One row for each image, and the rows that gave way; `candidates` come in the order of their batches.

    The first row is kept, with the labels and boxes of the latest batch that names the image, and with the strictest
    official split of all (test before validation before train), so that no test image is trained on.
    """
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.fact.image_id, []).append(candidate)
    kept, gone = [], []
    for group in groups.values():
        image, others = _settle(group)
        kept.append(image)
        gone += others
    return kept, gone


def _settle(group: list[Candidate]) -> tuple[Candidate, list[Merged]]:
    """The row that is kept of several rows of one image, and the others, in the order of the batches."""
    first, holds = group[0], group[0]
    outcomes = []
    for row in group[1:]:
        later = row.record.batch != holds.record.batch
        outcomes.append("same" if row.vector == holds.vector else "corrected" if later else "conflict")
        holds = row if later else holds
    boxes = holds.record.boxes or (first.record.boxes if holds.vector == first.vector else ())
    official = strictest(row.record.official for row in group)
    kept = Candidate(replace(first.record, boxes=boxes, official=official), first.fact, holds.vector)
    return kept, [Merged(kept, row, outcome) for row, outcome in zip(group[1:], outcomes, strict=True)]


def label_names(labels: Iterable[str], vector: Iterable[int]) -> str:
    """Names of the labels that are present, joined by |."""
    return "|".join(name for name, present in zip(labels, vector, strict=True) if present)
