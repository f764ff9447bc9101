"""The stage's outputs as tables and counts; nothing is written here."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from cxr.data.manifest import COLUMNS, SPLITS, Head, Manifest
from cxr.params.schema import Ingest
from cxr.raw.batch import Batch
from cxr.raw.cells import Counts
from cxr.raw.layouts.base import Fault, Record
from stages.ingest import patients, pixels
from stages.ingest.merge import OUTCOMES, Candidate, Merged, label_names
from stages.ingest.sorting import QuarantinedRow, Sorted
from stages.ingest.splits import in_gate, split_of

VALUES_SHOWN = 20  # of a column's values that were not understood
QUARANTINE = ("batch", "source", "row", "sha256", "reason", "detail")
ABSENT = ("batch", "source", "row")
MERGED = (
    "image_id",
    "kept_batch",
    "kept_source",
    "batch",
    "source",
    "row",
    "outcome",
    "labels_of_row",
    "labels_kept",
    "patient",
)


def manifest_of(kept: Sequence[Candidate], section: Ingest, salt: str) -> Manifest:
    """The manifest, its rows sorted by image_id."""
    keys = {each.record.patient: patients.key(salt, section.set, each.record.patient) for each in kept}
    held_out = frozenset(keys[each.record.patient] for each in kept if each.record.official == "validation")
    labels = [f"label_{name}" for name in section.labels]
    depths = pixels.depths_of(kept)
    rows = [(*_row(each, keys[each.record.patient], section, held_out, depths), *each.vector) for each in kept]
    table = pd.DataFrame(sorted(rows), columns=[*COLUMNS, *labels])
    return Manifest(_head(section, kept, depths), table)


def _head(section: Ingest, kept: Sequence[Candidate], depths: tuple[int, ...]) -> Head:
    """The manifest's head; its split rule says by what it is a split: `patients_from`, what made the patients."""
    rule = {**section.split.model_dump(), "patients_from": sorted({each.record.patient_from for each in kept})}
    labels = tuple(section.labels)
    return Head(section.set, section.task, labels, section.channels, section.negative, rule, section.public, depths)


def quarantine_rows(refused: Sequence[QuarantinedRow]) -> list[dict[str, str]]:
    """Rows of data/quarantine.csv, sorted by batch, then by source."""
    rows = [
        dict(
            zip(
                QUARANTINE,
                (*_origin(each.fault), each.fault.place, each.sha256, each.fault.reason, each.fault.detail),
                strict=True,
            )
        )
        for each in refused
    ]
    return sorted(rows, key=lambda row: tuple(row.values()))


def absent_rows(absent: Sequence[Record | Fault]) -> list[dict[str, str]]:
    """Rows of data/absent.csv, in the order of the tables."""
    return [{"batch": each.batch, "source": each.name, "row": each.place} for each in absent]


def merged_rows(gone: Sequence[Merged], labels: Sequence[str]) -> list[dict[str, str]]:
    """Rows of data/merged.csv, sorted by image."""
    return sorted((_merged_row(each, labels) for each in gone), key=lambda row: tuple(row.values()))


def counts_of(manifest: Manifest, rows: Sorted, gone: Sequence[Merged], batches: Sequence[Batch]) -> dict[str, Any]:
    """Content of data/ingest.json but for what found the facts out: where every input row went, and each split."""
    table = manifest.table
    outcomes = Counter(each.outcome for each in gone)
    return {
        "set": manifest.head.set,
        "rows_in": rows.rows_in,
        "manifest": len(table),
        "absent": len(rows.absent),
        "left_out": rows.left_out,
        "merged": len(gone),
        "repeated_rows": sum(_same_file(each) for each in gone),
        "merged_by_outcome": {name: outcomes[name] for name in OUTCOMES},
        "merged_of_other_patient": sum(not each.same_patient for each in gone),
        "quarantined": dict(Counter(each.fault.reason for each in rows.refused)),
        "patients": int(table["patient"].nunique()),
        "patients_from": patients_from(table),
        "patients_alike": patients.alike(each.record.patient for each in rows.candidates),
        "splits": {split: _split_counts(manifest.rows(split)) for split in SPLITS},
        "boxes": sum(map(len, manifest.boxes())),
        "boxes_of_other_images": rows.boxes_unmatched,
        "boxes_of_other_findings": rows.boxes_of_other_findings,
        "without_official_split": sum(not each.record.official for each in rows.candidates),
        **pixels.counts(manifest, rows.candidates),
        "official_lists": {"entries": rows.listed.number, "unmatched": len(rows.listed.unmatched)},
        "names_matched_otherwise": {how: rows.names_matched[how] for how in ("case", "path", "unicode")},
        "not_understood": not_understood(rows.cells, values=manifest.head.public),
        "rounded_ids": dict(rows.cells.rounded_ids),
        "batches": {batch.name: batch.checksum for batch in batches},
    }


def patients_from(table: pd.DataFrame) -> dict[str, int]:
    """How many patients each way of knowing them made, by the manifest's column `patient_from`."""
    counted = table.groupby("patient_from")["patient"].nunique()
    return {str(name): int(number) for name, number in counted.items()}


def _same_file(each: Merged) -> bool:
    """Whether a row gave way to one about the very same file: no pixels came in twice."""
    kept, gone = each.kept, each.gone
    return (kept.record.image, kept.file_name) == (gone.record.image, gone.file_name)


def not_understood(cells: Counts, *, values: bool) -> dict[str, Any]:
    """By column: how many cells were not understood, and, where `values` may be said, the most frequent ones."""
    columns: dict[tuple[str, str], Counter[str]] = {}
    for (meaning, column, value), number in sorted(cells.not_understood.items()):
        columns.setdefault((column, meaning), Counter())[value] = number
    return {
        column: {
            "means": meaning,
            "cells": found.total(),
            "values": dict(found.most_common(VALUES_SHOWN)) if values else {},
        }
        for (column, meaning), found in columns.items()
    }


def _split_counts(part: Manifest) -> dict[str, Any]:
    """Images, patients and positive labels of one split."""
    table = part.table
    return {
        "images": len(table),
        "patients": int(table["patient"].nunique()),
        "gate_images": int(table["gate"].sum()),
        "labels": {name: int(table[f"label_{name}"].sum()) for name in part.head.labels},
    }


def _row(
    each: Candidate, patient: str, section: Ingest, held_out: frozenset[str], depths: tuple[int, ...]
) -> tuple[Any, ...]:
    """Values in the order of the manifest's COLUMNS."""
    record, fact = each.record, each.fact
    batch, source = record.image or ("", "")
    split = split_of(section.split, patient, record.official, held_out)
    gate = split == "validation" and in_gate(section.split, patient)
    study = f"{patient}-{record.study.zfill(3)}" if record.study else ""
    boxes = json.dumps([asdict(pixels.upright_box(box, fact)) for box in record.boxes], sort_keys=True)
    bits = pixels.bits_of(fact, depths)
    return (
        fact.image_id,
        patient,
        record.patient_from,
        study,
        record.view,
        record.sex,
        record.age,
        batch,
        source,
        fact.sha256,
        fact.width,
        fact.height,
        fact.stored_bits,
        bits,
        fact.orientation,
        *fact.statistics[fact.depths.index(bits)],
        boxes,
        split,
        gate,
    )


def _origin(fault: Fault) -> tuple[str, str]:
    """Batch and path of the file where it is there, else batch and name as the row has it."""
    return fault.image or (fault.batch, fault.name)


def _merged_row(each: Merged, labels: Sequence[str]) -> dict[str, str]:
    """A row of data/merged.csv; whether both rows name the same patient is said, not who."""
    kept, gone = each.kept.record, each.gone.record
    values = (
        each.kept.fact.image_id,
        *(kept.image or ("", "")),
        gone.batch,
        (gone.image or ("", ""))[1],
        gone.place,
        each.outcome,
        label_names(labels, each.gone.vector),
        label_names(labels, each.kept.vector),
        "same" if each.same_patient else "differs",
    )
    return dict(zip(MERGED, values, strict=True))
