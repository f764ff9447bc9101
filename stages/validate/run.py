"""The stage validate: reads manifest and ingest's counts, writes Data Docs and metrics, stops on what is critical."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from cxr.core.errors import UserError
from cxr.core.files import atomic_folder, read_json, write_json, write_text
from cxr.data.manifest import SPLITS, Manifest, read
from cxr.params import Params
from cxr.params.schema import Validate
from stages.validate import checks, columns, docs, outcome, suite, understood
from stages.validate.judge import ValidationResult, judge

MANIFEST = Path("data/manifest.parquet")
COUNTS = Path("data/ingest.json")
MERGED = Path("data/merged.csv")
DOCS = Path("reports/validation")
METRICS = Path("metrics/validate.json")

logger = logging.getLogger(__name__)


def validate(params: Params) -> None:
    """Judge the manifest; the outputs are written in any case.

    Raises UserError, with one line for each failed critical expectation, and where the manifest or ingest's counts
    can't be read.
    """
    severities = checks.severities(params.validate_.severity)
    manifest, ingested, merged = read_inputs()
    judged, found = evaluate(manifest, ingested, merged, params.validate_, severities)
    numbers = metrics(manifest, ingested, found)
    write_docs(judged, found, numbers)
    write_json(METRICS, numbers)
    report(found)


def read_inputs() -> tuple[Manifest, dict[str, Any], pd.DataFrame]:
    """The manifest, ingest's counts, and the rows that it merged; UserError says which file is unusable."""
    try:
        return read(MANIFEST), read_json(COUNTS), read_merged(MERGED)
    except ValueError as error:
        raise UserError(f"{error}; make it again with `dvc repro -f ingest`") from error


def read_merged(path: Path) -> pd.DataFrame:
    """The columns of data/merged.csv that count here; ValueError names the file where it is not ingest's."""
    try:
        return pd.read_csv(path, usecols=list(columns.MERGED), dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error


def evaluate(
    manifest: Manifest, ingested: dict[str, Any], merged: pd.DataFrame, bounds: Validate, severities: dict[str, str]
) -> tuple[ValidationResult, list[outcome.RuleOutcome]]:
    """Great Expectations' result and our outcomes; where columns are missing, on the columns alone."""
    head, table = manifest.head, manifest.table
    named = suite.schema(head.labels)
    needed = {"image_id", "batch", "source", "patient", "patient_from", "split", "boxes", "width", "height"}
    if needed | set(manifest.label_columns) <= set(table.columns):
        table = columns.derive(table, head.labels, merged)
        patients = suite.Patients(table["patient"].nunique(), columns.most_images_of_a_patient(table))
        rows = suite.Rows.from_counts(totals(ingested) | {"repeated_rows": ingested.get("repeated_rows", 0)})
        named += suite.content(head, bounds, rows, patients)
    judged = judge(table, suite.with_severities(named, severities))
    found = outcome.outcomes([each.to_json_dict() for each in judged.result.results], severities)
    return judged, understood.with_tables(found, ingested, severities) if len(found) > 1 else found


def totals(ingested: dict[str, Any]) -> dict[str, int]:
    """Ingest's counts as numbers, reasons added up; UserError where one is missing."""
    names = ("rows_in", "manifest", "quarantined", "merged", "absent")
    if missing := [name for name in names if name not in ingested]:
        raise UserError(f"{COUNTS}: lacks {', '.join(missing)}; make it again with `dvc repro -f ingest`")
    return {
        name: sum(ingested[name].values()) if isinstance(ingested[name], dict) else int(ingested[name])
        for name in names
    }


def metrics(manifest: Manifest, ingested: dict[str, Any], found: list[outcome.RuleOutcome]) -> dict[str, Any]:
    """Content of metrics/validate.json: ingest's counts, each expectation's outcome, counts of splits and labels."""
    failed = [each for each in found if not each.passed]
    numbers = {
        "ingest": totals(ingested)
        | {
            "quarantined_by_reason": reasons(ingested),
            "merged_by_outcome": ingested.get("merged_by_outcome", {}),
            "merged_of_other_patient": ingested.get("merged_of_other_patient", 0),
            "without_official_split": ingested.get("without_official_split", 0),
        },
        "expectations": {each.name: each.numbers() for each in found},
        "unexpected": {each.name: each.unexpected for each in found},
        "failed": {severity: sum(each.severity == severity for each in failed) for severity in checks.SEVERITIES},
    }
    if len(found) == 1:  # columns are missing: there is nothing to count by
        return numbers
    table = manifest.table
    overlap = {"patients_in_two_splits": columns.patients_in_two_splits(table)}
    return numbers | columns.counts(table, manifest.head.labels, SPLITS) | overlap


def reasons(ingested: dict[str, Any]) -> dict[str, int]:
    """How many inputs ingest quarantined, by reason; empty where it counted only their sum."""
    quarantined = ingested["quarantined"]
    return dict(quarantined) if isinstance(quarantined, dict) else {}


def write_docs(judged: ValidationResult, found: list[outcome.RuleOutcome], numbers: dict[str, Any]) -> None:
    """Write reports/validation/index.html (results) and expectations.html (the suite)."""
    facts = {
        "images": numbers.get("rows", "?"),
        "patients": numbers.get("patients", "?"),
        "met": sum(each.passed for each in found),
        "not met": sum(not each.passed for each in found),
    }
    with atomic_folder(DOCS) as folder:
        write_text(folder / "index.html", docs.results_page(judged.result, found, facts))
        write_text(folder / "expectations.html", docs.suite_page(judged.suite))


def report(found: list[outcome.RuleOutcome]) -> None:
    """Warn of each failed expectation that is not critical; UserError lists those that are."""
    failed = [each for each in found if not each.passed]
    for each in failed:
        if each.severity != "critical":
            logger.warning("validate: %s", outcome.line(each))
    if critical := [outcome.line(each) for each in failed if each.severity == "critical"]:
        raise UserError("\n".join([*critical, f"the pipeline stops here; all results: {DOCS / 'index.html'}"]))
    logger.info("validate: %d of %d expectations met", len(found) - len(failed), len(found))
