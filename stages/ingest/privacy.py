"""What leaves ingest of a private set: rows whose names and values are replaced, once, before any output is made.

A file goes by its SHA-256, a row of a table by its line, a refusal by a sentence that goes with its reason. What these
stand for is `names`, for `cxr.raw.private_names`. Findings, ages, sexes and views stay: the model is judged by them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from cxr.params.schema import Ingest
from cxr.raw.layouts.base import Fault, Record
from cxr.raw.private_names import PrivateName, stand_in, view
from stages.ingest import patients
from stages.ingest.merge import Candidate
from stages.ingest.sorting import QuarantinedRow, Sorted

NO_AGE = 999.0  # years; for a larger number, which no bound of validation lets pass: it may be a date of birth
OTHER = "other"  # for a box's word that is no label of the task: it may be anybody's name
SAYS: Mapping[str, str] = {
    "empty_file": "no bytes",
    "truncated": "the file ends before its format says that it ends",
    "corrupt": "a checksum does not fit, or the compressed pixels can't be decoded",
    "not_an_image": "neither by name nor by content an image that is decoded",
    "mislabelled": "the name promises one kind of image, the content is something else",
    "unsupported": "an image of a kind that is not decoded",
    "absurd_header": "sizes, depths or counts that no radiograph has",
    "too_large": "more pixels or bytes than are read",
    "decoder_crashed": "it kills the process that decodes it",
    "too_slow": "it is not decoded within the time that one file may take",
    "not_in_table": "no row of a table names it",
    "ambiguous_name": "the table's name fits another file too",
    "unknown_label": "a label that is not among ingest.labels",
    "contradictory_labels": "labels that contradict one another",
    "no_class_folder": "it stands in no class folder",
    "unsafe_path": "a cell that is no plain file name",
    "repeated_rows": "several rows about one image that can't be united",
    "bad_row": "a row that can't be read, or lacks patient or findings",
}
NOT_ASKED_FOR = (
    "this set has a salt of its own, and outputs name its files all the same: ingest.public is true; set it to false, "
    "unless the names are known to everybody (docs/explanation/private-sets.md)"
)
_ELSEWHERE = "see .runs/names on the machine that read it"
_LINE = re.compile(r"\blines? \d+(?:(?:-| to )\d+)?$")
_FEW_DIGITS = re.compile(r"\d{1,4}")  # a number of the study, not an accession number or a date


def withheld(rows: Sorted, section: Ingest, salt: str) -> Sorted:
    """The rows as a private set's outputs may have them: counts, pixels, labels and patients as before."""
    return replace(
        rows,
        candidates=[_candidate(each, section, salt) for each in rows.candidates],
        refused=[QuarantinedRow(_fault(each.fault, each.sha256), each.sha256) for each in rows.refused],
        absent=[_absent(each) for each in rows.absent],
        listed=replace(rows.listed, unmatched=tuple((split, _line(place)) for split, place in rows.listed.unmatched)),
    )


def names(rows: Sorted, section: Ingest, salt: str) -> Iterator[PrivateName]:
    """What the rows of outputs stand for, in the order of the rows."""
    for each in rows.candidates:
        record, fact = each.record, each.fact
        batch, name = record.image or (record.batch, record.name)
        key = patients.key(salt, section.set, record.patient)
        yield PrivateName(fact.sha256, fact.image_id, batch, _line(record.place), name, record.patient, key, "image")
    for refused in rows.refused:
        fault = refused.fault
        batch, name = fault.image or (fault.batch, fault.name)
        yield PrivateName(
            refused.sha256, "", batch, _line(fault.place), name, outcome=fault.reason, detail=fault.detail
        )
    for row in rows.absent:
        yield PrivateName(batch=row.batch, row=_line(row.place), name=row.name, outcome="absent")
    for split, place in rows.listed.unmatched:
        yield PrivateName(row=_line(place), name=place, outcome=f"unmatched in the {split} list")
    for (_, column, value), number in sorted(rows.cells.not_understood.items()):
        yield PrivateName(outcome="not_understood", detail=f"{column} {value!r}: {number}")


def _candidate(each: Candidate, section: Ingest, salt: str) -> Candidate:
    record = each.record
    batch, name = record.image or (record.batch, record.name)
    return replace(
        each,
        record=replace(
            record,
            place=_line(record.place),
            name="",
            image=(batch, stand_in(each.fact.sha256, name)),
            study=_study(record, section, salt),
            view=view(record.view),
            age=min(record.age, NO_AGE) if record.age == record.age else record.age,
            boxes=tuple(box if box.label in section.labels else replace(box, label=OTHER) for box in record.boxes),
        ),
    )


def _study(record: Record, section: Ingest, salt: str) -> str:
    """A study's number where it is a small one; of any other word a hash, so that studies stay apart."""
    if not record.study or _FEW_DIGITS.fullmatch(record.study):
        return record.study
    return patients.key(salt, section.set, f"{record.patient}\0{record.study}")


def _fault(fault: Fault, sha256: str) -> Fault:
    batch, name = fault.image or (fault.batch, fault.name)
    image = (batch, stand_in(sha256, name)) if fault.image else None
    said = SAYS.get(fault.reason, _ELSEWHERE)
    return replace(fault, place=_line(fault.place), name="", detail=said, image=image)


def _absent(row: Record | Fault) -> Record | Fault:
    return replace(row, place=_line(row.place), name="")


def _line(place: str) -> str:
    """The line of a row in its table, without the table's name: a batch has one."""
    found = _LINE.search(place)
    return found[0] if found else ""
