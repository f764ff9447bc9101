"""The same pixels twice are one image: which of its rows is kept, and whose labels hold."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cxr.raw.layouts.base import Record
from cxr.raw.repeated_rows import UNITED
from stages.ingest.facts import Fact
from stages.ingest.splits import strictest


@dataclass(frozen=True)
class Candidate:
    """A row whose image decodes and whose findings are known: `vector` has 0 or 1 for each label.

    `file_name`: of the image, by which a later batch names it again; no output has it.
    """

    record: Record
    fact: Fact
    vector: tuple[int, ...]
    file_name: str

    @classmethod
    def of(cls, record: Record, fact: Fact, vector: tuple[int, ...]) -> "Candidate":
        """A row with its image's name, without folders and in one spelling of its accents."""
        path = record.image[1] if record.image else record.name
        return cls(record, fact, vector, unicodedata.normalize("NFC", path.rpartition("/")[2]))


# What a row that gave way was: of the same labels; of a later batch whose labels hold now; of other labels that nobody
# corrected; of other labels, until a later batch said which are right.
SAME, CORRECTED, CONFLICT, SETTLED = ("same", "corrected", "conflict", "settled")
OUTCOMES = (SAME, CORRECTED, CONFLICT, SETTLED, UNITED)  # united: see cxr.raw.repeated_rows


@dataclass(frozen=True)
class Merged:
    """A row that gave way to `kept`; `outcome`: one of OUTCOMES."""

    kept: Candidate
    gone: Candidate
    outcome: str

    @property
    def same_patient(self) -> bool:
        """Whether both rows name the same patient."""
        return self.kept.record.patient == self.gone.record.patient


def merge(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Merged]]:
    """One row for each image, and the rows that gave way; `candidates` come in the order of their batches.

    The first row is kept, with the labels and boxes of the latest batch that names the image again (same file name,
    same patient: a correction), and with the strictest official split of all (test before validation before train), so
    that no test image is trained on. Other labels in any other row are a conflict: those that held before hold on.
    """
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.fact.image_id, []).append(candidate)
    kept, gone = [], []
    for group in groups.values():
        image, others = _settle([row for row in group if not row.record.repeats])
        kept.append(image)
        gone += [*others, *(Merged(image, row, _of_repeated(row, group)) for row in group if row.record.repeats)]
    return kept, gone


def _of_repeated(row: Candidate, group: list[Candidate]) -> str:
    """The outcome of a row that went into another one of its table: settled where a later batch names the image."""
    since = [other for other in group[group.index(row) :] if other.record.batch != row.record.batch]
    settled = row.record.repeats == CONFLICT and any(_names_again(other, [row]) for other in since)
    return SETTLED if settled else row.record.repeats


def _settle(group: list[Candidate]) -> tuple[Candidate, list[Merged]]:
    """The row that is kept of several rows of one image, and the others, in the order of the batches."""
    first, holds = group[0], group[0]
    outcomes: list[str] = []
    for place, row in enumerate(group[1:], start=1):
        later, again = row.record.batch != holds.record.batch, _names_again(row, group[:place])
        outcome = SAME if row.vector == holds.vector else CORRECTED if later and again else CONFLICT
        if later and again:
            outcomes = [_said_since(row, *each) for each in zip(group[1:place], outcomes, strict=True)]
        holds = row if later and outcome != CONFLICT else holds
        outcomes.append(outcome)
    boxes = holds.record.boxes or (first.record.boxes if holds.vector == first.vector else ())
    official = strictest(row.record.official for row in group)
    kept = replace(first, record=replace(first.record, boxes=boxes, official=official), vector=holds.vector)
    return kept, [Merged(kept, row, outcome) for row, outcome in zip(group[1:], outcomes, strict=True)]


def _names_again(row: Candidate, before: Iterable[Candidate]) -> bool:
    """Whether the row names the image as a row of an earlier batch did: by the same file name, for the same patient."""
    return any(
        row.record.batch != other.record.batch
        and row.record.patient == other.record.patient
        and row.file_name == other.file_name
        for other in before
    )


def _said_since(correction: Candidate, row: Candidate, outcome: str) -> str:
    """The outcome of an earlier row after a later batch named the image again: its conflict is settled.

    Not where the row stands in that batch itself and contradicts it.
    """
    apart = row.record.batch != correction.record.batch or row.vector == correction.vector
    return SETTLED if outcome == CONFLICT and apart else outcome


def label_names(labels: Iterable[str], vector: Iterable[int]) -> str:
    """Names of the labels that are present, joined by |."""
    return "|".join(name for name, present in zip(labels, vector, strict=True) if present)
