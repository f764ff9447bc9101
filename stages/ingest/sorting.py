"""Sorts every row and file of a set into one of: candidate for the manifest, quarantined, absent."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cxr.params.schema import Ingest
from cxr.raw import repeated_rows
from cxr.raw.batch import Batch
from cxr.raw.beside import left_out
from cxr.raw.cells import Counts
from cxr.raw.labels import Coding
from cxr.raw.layouts.base import IMAGE, Fault, Layout, Record
from cxr.raw.official_lists import ListEntries
from cxr.raw.repeated_rows import Labelled
from cxr.raw.rows import encode_labels, files_without_row
from stages.ingest.facts import Fact, Gathered, gather, sha256_of
from stages.ingest.merge import Candidate


@dataclass(frozen=True)
class QuarantinedRow:
    """A quarantined row: the fault, and the SHA-256 of the file that it is about ("" where there is none)."""

    fault: Fault
    sha256: str


@dataclass(frozen=True)
class Sorted:
    """All rows of a set. `rows_in` was counted while reading, apart from the lists."""

    rows_in: int
    candidates: list[Candidate]
    refused: list[QuarantinedRow]
    absent: list[Record | Fault]
    gathered: Gathered
    boxes_unmatched: int
    boxes_of_other_findings: int
    left_out: int
    cells: Counts
    names_matched: Counter[str]
    listed: ListEntries


def sort_rows(batches: Sequence[Batch], layout: Layout, section: Ingest) -> Sorted:
    """Read the tables, find the images, decode what is new, and sort. UserError as `layout.read` and
    `layout.check_patients` raise it."""
    claims = [layout.read(batch, batches[:index]) for index, batch in enumerate(batches)]
    layout.check_patients(claims)
    strays = files_without_row(batches, claims)
    coding = Coding.of(section, frozenset().union(*(claim.known_findings for claim in claims)))
    labelled, faults, absent = encode_labels(claims, coding)
    labelled, repeated = repeated_rows.settle(labelled, faults, section)
    labelled, boxes_of_other_findings = drop_boxes_of_other_findings(labelled, coding)
    by_name = {batch.name: batch for batch in batches}
    images = list(dict.fromkeys(record.image for record, _ in labelled if record.image))
    gathered = gather(images, by_name, section.max_pixels)
    candidates, undecodable = _decoded(labelled, gathered)
    refused = [QuarantinedRow(fault, _sha256(fault, by_name)) for fault in (*faults, *repeated, *strays, *undecodable)]
    return Sorted(
        sum(claim.rows for claim in claims) + len(strays),
        candidates,
        refused,
        absent,
        gathered,
        sum(claim.boxes_unmatched for claim in claims),
        boxes_of_other_findings,
        sum(len(left_out(claim, batch.names())) for batch, claim in zip(batches, claims, strict=True)),
        sum((claim.counts for claim in claims), Counts()),
        sum((claim.names_matched for claim in claims), Counter()),
        ListEntries.of(claims),
    )


def drop_boxes_of_other_findings(labelled: Sequence[Labelled], coding: Coding) -> tuple[list[Labelled], int]:
    """Rows without the boxes of findings that the layout knows and the task does not ask for; how many those are.

    Boxes of words that nobody knows stay: validation names them.
    """
    others = coding.known - set(coding.labels)
    kept = [
        (replace(record, boxes=tuple(box for box in record.boxes if box.label not in others)), vector)
        for record, vector in labelled
    ]
    return kept, sum(len(record.boxes) for record, _ in labelled) - sum(len(record.boxes) for record, _ in kept)


def _decoded(labelled: Sequence[Labelled], gathered: Gathered) -> tuple[list[Candidate], list[Fault]]:
    """Rows whose image was decoded, and a fault for each of the others."""
    candidates, faults = [], []
    for record, vector in labelled:
        assert record.image is not None  # noqa: S101  (absent rows were sorted out before)
        fact = gathered.facts[record.image]
        if fact.reason:
            faults.append(Fault(record.batch, record.place, record.name, fact.reason, fact.detail, record.image))
        else:
            candidates.append(Candidate.of(_with_patient(record, fact), fact, vector))
    return candidates, faults


def _with_patient(record: Record, fact: Fact) -> Record:
    """The row, its image's id for its patient where every image is a patient of its own."""
    return replace(record, patient=fact.image_id) if record.patient_from == IMAGE else record


def _sha256(fault: Fault, batches: dict[str, Batch]) -> str:
    """SHA-256 of the file that a fault is about, "" where there is none."""
    return sha256_of(batches[fault.image[0]], fault.image[1]) if fault.image else ""
