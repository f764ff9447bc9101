"""The stage's edge: reads the set's batches, writes the manifest and the lists of what did not come in."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxr.core.errors import UserError
from cxr.core.files import write_csv, write_json
from cxr.core.patient_salt import PUBLIC_SALT
from cxr.data import manifest
from cxr.params import Params
from cxr.params.schema import Ingest
from cxr.raw import dvc_index, private_names
from cxr.raw.batch import Batch, open_set
from cxr.raw.checksums import verify_set
from cxr.raw.layouts.base import FILE_NAME, PATTERN, Layout
from cxr.raw.layouts.registry import layout_for
from cxr.runtime import paths
from stages.ingest import outputs, patients, privacy, table_remarks
from stages.ingest.earlier import FACTS_BY
from stages.ingest.facts import facts_by
from stages.ingest.merge import CONFLICT, Candidate, Merged, merge
from stages.ingest.sorting import Sorted, sort_rows

logger = logging.getLogger(__name__)
RAW = Path("data/raw")
DATA = Path("data")


def ingest(params: Params) -> dict[str, int]:
    """Make the manifest; counts of work done.

    UserError or HashMismatch: the salt is another one, a batch was changed, its tables can't be understood, too
    much of what is present was quarantined, nothing came in, or the counts do not add up.
    """
    section = params.ingest
    salt, layout = patients.salt(section.salt_fingerprint), layout_for(section)
    if section.public and salt != PUBLIC_SALT:
        logger.warning("ingest: %s", privacy.NOT_ASKED_FOR)
    batches, rows = read(layout, section, salt)
    refuse_too_many(rows, section)
    kept, gone = merge(rows.candidates)
    refuse_missing_lists(rows, section, layout)
    table = outputs.manifest_of(kept, section, salt)
    counts = {**outputs.counts_of(table, rows, gone, batches), FACTS_BY: facts_by(section.max_pixels)}
    check_sum(counts)
    manifest.write(DATA / "manifest.parquet", table)
    write_csv(DATA / "quarantine.csv", outputs.QUARANTINE, outputs.quarantine_rows(rows.refused))
    write_csv(DATA / "absent.csv", outputs.ABSENT, outputs.absent_rows(rows.absent))
    write_csv(DATA / "merged.csv", outputs.MERGED, outputs.merged_rows(gone, section.labels))
    write_json(DATA / "ingest.json", counts)
    logger.info(summary(counts))
    for line in remarks(counts, gone):
        logger.warning(line)
    found = rows.gathered
    return {
        "files": len(found.facts),
        "decoded": found.decoded,
        "reused": found.reused,
        "from_previous_output": found.from_previous_output,
        "damaged": found.damaged,
    }


def read(layout: Layout, section: Ingest, salt: str) -> tuple[list[Batch], Sorted]:
    """The set's batches and their sorted rows; of a private set without names, which go to `.runs/names/`.

    Errors as `ingest` raises them, those of a private set without names too.
    """
    with private_names.withheld(not section.public, "ingest"):
        batches = open_set(RAW / section.set)
        verify_set(RAW / section.set, batches)
        rows = sort_rows(batches, layout, section)
        if section.public:
            return batches, rows
        if dvc_index.is_shared():
            logger.warning("ingest: %s", dvc_index.ADVICE)
        private_names.write(f"set-{section.set}", privacy.names(rows, section, salt))
        return batches, privacy.withheld(rows, section, salt)


def refuse_too_many(rows: Sorted, section: Ingest) -> None:
    """UserError where more than `max_quarantined_fraction` of what is present is quarantined, or nothing is left.

    What a failed stage leaves behind is removed before its next run, so the list goes to .runs/quarantine.csv.
    """
    present, refused = rows.rows_in - len(rows.absent), len(rows.refused)
    listed = paths.RUNS / "quarantine.csv"
    if rows.candidates and refused <= section.max_quarantined_fraction * present:
        listed.unlink(missing_ok=True)  # of an earlier run that failed
        return
    write_csv(listed, outputs.QUARANTINE, outputs.quarantine_rows(rows.refused))
    if not rows.candidates:
        raise UserError(
            f"no image of set {section.set} came in: {refused} quarantined (see {listed}), "
            f"{len(rows.absent)} rows of its tables without image"
        )
    first = "; ".join(
        f"{each.fault.place or each.fault.name or each.sha256[:12]}: {each.fault.reason}" for each in rows.refused[:3]
    )
    raise UserError(
        f"{refused} of {present} inputs that are present are quarantined ({first}{'; ...' if refused > 3 else ''}), "
        f"more than ingest.max_quarantined_fraction ({section.max_quarantined_fraction}) allows; {listed} says "
        "which and why: mend them in a new batch, or raise that parameter if they may be missing"
    )


def refuse_missing_lists(rows: Sorted, section: Ingest, layout: Layout) -> None:
    """UserError where the official split is asked for and the set has none, or its lists may have missed a test image:
    an entry for test names nothing that came in or is absent, and an image stands in no list."""
    if section.split.rule != "official":
        return
    outside, missed = sum(not each.record.official for each in rows.candidates), rows.listed.missed_for_test()
    if outside == len(rows.candidates):
        raise UserError(
            f"ingest.split.rule is official, but no batch of {section.set} has "
            f"{layout.official_split} that names an image; use rule: hash"
        )
    if outside and missed:
        first = f" (the first: {missed[0]})" if section.public else ""
        raise UserError(
            f"{len(missed)} entries for test of the official lists{first} name no image and no row of a table, and "
            f"{outside} images stand in no list: images for test might be trained on. Write the lists with the names "
            "of the files, or use ingest.split.rule: hash"
        )


def check_sum(counts: dict[str, Any]) -> None:
    """UserError where an input row was lost or counted twice."""
    parts = counts["manifest"] + sum(counts["quarantined"].values()) + counts["merged"] + counts["absent"]
    if parts != counts["rows_in"]:
        raise UserError(f"{summary(counts)}: does not add up; this is a fault of stages/ingest, please report it")


def remarks(counts: dict[str, Any], gone: Sequence[Merged]) -> list[str]:
    """A line for each thing that came in and contradicts itself, or makes the split weaker than it looks."""
    conflicts = [
        f"{_place(each.gone)} against {_place(each.kept)}"
        for each in gone
        if each.outcome == CONFLICT and not each.gone.record.repeats
    ]
    made, others, alike = counts["patients_from"], counts["merged_of_other_patient"], counts["patients_alike"]
    missed = made.get(FILE_NAME, 0) if PATTERN in made else 0
    shown = "; ".join(conflicts[:3])
    lines = {
        f"rows with an image's pixels and other labels than it: {len(conflicts)} ({shown}); the first row's labels "
        "hold, see the outcome conflict in data/merged.csv": len(conflicts),
        f"rows with an image's pixels and another patient than it: {others}; the first row's patient holds, see "
        "`differs` in data/merged.csv": others,
        f"patients whose ids differ from another's in case or leading zeros alone: {alike}; they are taken for others, "
        "look whether they are": alike,
        f"file names that ingest.patient_pattern misses, each a patient of its own: {missed}": missed,
        **table_remarks.lines(counts, gone),
    }
    return [f"ingest: {line}" for line, count in lines.items() if count]


def _place(row: Candidate) -> str:
    """Where a row's image is, for reading."""
    return "/".join(row.record.image or (row.record.batch, row.record.name))


def summary(counts: dict[str, Any]) -> str:
    """The counts in a line."""
    splits = ", ".join(f"{name} {part['images']}" for name, part in counts["splits"].items())
    refused = sum(counts["quarantined"].values())
    return (
        f"ingest: {counts['rows_in']} rows in = {counts['manifest']} images ({splits}; "
        f"{counts['patients']} patients) + {refused} quarantined + {counts['merged']} merged + "
        f"{counts['absent']} absent"
    )
