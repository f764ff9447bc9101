"""Sections on what came in: counts, splits, labels, what was refused, what validation says."""

from typing import Any

from cxr.params import Params
from stages.report.inputs import METRICS, ReportInputs
from stages.report.numbers import count, percent, plain
from stages.report.page import Chapter, Paragraph, Part, Table

SHOWN = 25  # rows of the quarantine list


def label_note(params: Params) -> str:
    """How far the labels can be trusted, for the report's first screen."""
    ingest = params.ingest
    if ingest.set == "phantom":
        noise = percent(params.phantom.label_noise, 1)
        return (
            f"The images are rendered phantoms, no patients. Label noise: {noise} of the positive labels, and "
            "as many negative ones, are flipped on purpose (phantom.label_noise), in the test split too."
        )
    if ingest.layout == "nih":
        return (
            "Labels are text-mined from radiology reports; their positive predictive values were found 10 to 30 "
            "percentage points below what was published (Oakden-Rayner 2019). The test split's are as noisy."
        )
    return "How the labels were made is not known to the pipeline: figures tell agreement with these labels, no more."


def data(inputs: ReportInputs, params: Params) -> Chapter:
    """The chapter on what came in: split rule, counts by split and label, and what ingest left out."""
    metrics = inputs["validate"]
    if "rows" not in metrics:
        return Chapter("data", "Data", missing=[f"{METRICS['validate']}: made by `dvc repro validate`"])
    parts: list[Part] = [Paragraph(_split_rule(params, metrics)), _splits(metrics), _labels(metrics), *_came_in(inputs)]
    return Chapter("data", "Data", parts)


def _split_rule(params: Params, metrics: dict[str, Any]) -> str:
    """A paragraph on how the patients were split, and what the gate studies are."""
    split = params.ingest.split
    ratio = f"{split.ratio.train:g} : {split.ratio.validation:g} : {split.ratio.test:g}"
    if split.rule == "official":
        rule = "by the set's own lists or folders; validation is cut from train by a hash of the patient"
        if unlisted := metrics.get("ingest", {}).get("without_official_split", 0):
            rule += f"; {count(unlisted)} images that they do not name are not in test"
    else:
        rule = f"by a hash of the patient, train : validation : test = {ratio}"
    return (
        f"Split {rule}. {percent(split.gate_fraction)} of the validation patients are gate studies, kept from "
        "early stopping, calibration and choice."
    )


def _splits(metrics: dict[str, Any]) -> Table:
    """Images and patients of each split."""
    rows = [[name, count(part["images"]), count(part["patients"])] for name, part in metrics["split"].items()]
    ordered = sorted(rows, key=lambda row: ("train", "validation", "test").index(row[0]))
    total = ["all", count(metrics["rows"]), count(metrics["patients"])]
    return Table(["Split", "#Images", "#Patients"], [*ordered, total])


def _labels(metrics: dict[str, Any]) -> Table:
    """Positives of each label, in all and by split."""
    rows = [
        [
            plain(name),
            count(part["images"]),
            percent(part["images"] / max(1, metrics["rows"]), 1),
            count(part["train"]),
            count(part["validation"]),
            count(part["test"]),
        ]
        for name, part in metrics["label"].items()
    ]
    return Table(["Label", "#Positives", "#Prevalence", "#Train", "#Validation", "#Test"], rows, "Labels")


def _came_in(inputs: ReportInputs) -> list[Part]:
    """Rows in = manifest + quarantined + merged + absent, the reasons, and the first inputs that were refused."""
    counts = inputs["validate"].get("ingest", {})
    if not counts:
        return []
    text = (
        f"{count(counts['rows_in'])} rows came in: {count(counts['manifest'])} in the manifest, "
        f"{count(counts['quarantined'])} quarantined, {count(counts['merged'])} merged (the same pixels again"
        f"{_merges(counts.get('merged_by_outcome', {}))}), {count(counts['absent'])} without image."
    )
    parts: list[Part] = [Paragraph(text)]
    reasons = counts.get("quarantined_by_reason", {})
    if reasons:
        parts.append(
            Table(["Reason", "#Inputs"], [[plain(name), count(n)] for name, n in sorted(reasons.items())], "Quarantine")
        )
    return parts + _refused(inputs)


def _merges(outcomes: dict[str, int]) -> str:
    """What the merged inputs' labels were, where there are any: the same, corrected by a later batch, in conflict."""
    parts = [f"{count(number)} {name}" for name, number in sorted(outcomes.items()) if number]
    return f"; labels: {', '.join(parts)}" if parts else ""


def _refused(inputs: ReportInputs) -> list[Part]:
    """The first rows of data/quarantine.csv, folded; nothing where it is empty."""
    rows = inputs.tables.get("quarantine", [])
    if not rows:
        return []
    titles = [title for title in rows[0] if title]
    cells = [[_shortened(title, row.get(title) or "") for title in titles] for row in rows[:SHOWN]]
    more = f" (the first {SHOWN} of {count(len(rows))})" if len(rows) > SHOWN else ""
    return [Table(titles, cells, f"Inputs that were quarantined{more}", folded=True)]


def _shortened(title: str, text: str) -> str:
    """A cell of the quarantine table: 12 digits of a hash, at most 120 characters of anything else."""
    return text[:12] if title == "sha256" else text if len(text) <= 120 else text[:117] + "..."


def validation(inputs: ReportInputs, params: Params) -> Chapter:
    """The chapter on the expectations that the manifest does not meet, with their severities."""
    expectations = inputs["validate"].get("expectations", {})
    if not expectations:
        return Chapter("validation", "Validation", missing=[f"{METRICS['validate']}: made by `dvc repro validate`"])
    failed = {name: entry for name, entry in expectations.items() if not entry["passed"]}
    text = Paragraph(
        f"{len(expectations) - len(failed)} of {len(expectations)} expectations on the manifest are met. "
        "All of them: validation/index.html, beside this file."
    )
    rows = [[name, entry["severity"], count(entry["unexpected"])] for name, entry in sorted(failed.items())]
    table = [Table(["Not met", "Severity", "#Unexpected"], rows)] if rows else []
    return Chapter("validation", "Validation", [text, *table])
