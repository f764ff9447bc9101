"""The names of all expectations on the manifest: what each says and what to do where it fails.

`validate.severity` in params.yaml addresses an expectation by these names. How Great Expectations states them is in
`suite`. Nothing here imports it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class Rule:
    """An expectation's name, what it says, what to do where it fails, and its severity where params name none."""

    name: str
    says: str
    advice: str
    severity: str = "critical"


_INGEST = "make the manifest again with `dvc repro -f ingest`"
_CONVERT = "correct the batch (as a new batch), or widen the bound in params.yaml, section validate"

CHECKS = (
    Rule("columns", "The manifest has exactly the columns that it should have.", _INGEST),
    Rule("column_types", "Every column has its type.", _INGEST),
    Rule("no_missing_values", "No value is missing, ages excepted.", _INGEST),
    Rule("image_id_format", "An image's id is 32 hexadecimal digits.", _INGEST),
    Rule("sha256_format", "A file's SHA-256 is 64 hexadecimal digits.", _INGEST),
    Rule("image_id_unique", "No image stands in two rows.", _INGEST),
    Rule("file_unique", "No file of a batch stands in two rows (batch, source and SHA-256 together).", _INGEST),
    Rule(
        "counts_add_up", "Rows in = manifest + quarantined + merged + absent, as data/ingest.json counts them.", _INGEST
    ),
    Rule(
        "no_duplicate_pixels",
        "The same pixels came in once only; repeats were merged by ingest.",
        "look at data/merged.csv; where the repeats are right, leave this a warning",
        "warning",
    ),
    Rule(
        "no_conflicting_labels",
        "No image has rows with other labels, unless a later batch says which are right.",
        "look at the outcome conflict in data/merged.csv; name the image again in a new batch, by the same file name "
        "and patient, with the right labels; or set validate.severity.no_conflicting_labels: warning, and the first "
        "row's hold",
    ),
    Rule(
        "same_pixels_same_patient",
        "Rows of the same pixels name the same patient.",
        "look at `differs` in data/merged.csv; the first row's patient holds: where both are one, correct the ids",
        "warning",
    ),
    Rule("split_known", "A split is train, validation or test.", _INGEST),
    Rule(
        "splits_not_empty",
        "Train, validation and test all hold images.",
        "add patients, change ingest.split.ratio or ingest.split.seed",
    ),
    Rule(
        "patient_in_one_split",
        "No patient has images in two splits.",
        "use ingest.split.rule: hash; where a file name is taken for the patient and names start anew in each folder, "
        "give ingest.patient_pattern or ingest.one_patient_per: image; where an official split is to be kept as it is, "
        "set validate.severity.patient_in_one_split: warning and say so with every figure",
    ),
    Rule(
        "patient_sizes_plausible",
        "Nobody has far more images than the others, and ids of patients are not all different.",
        "look at the ids: did a spreadsheet round them, are they the studies', is one used for `not known`?",
        "warning",
    ),
    Rule("gate_in_validation", "Gate studies lie in the validation split.", _INGEST),
    Rule(
        "patient_ids_not_rounded",
        "No patient id looks as a spreadsheet writes a number that is too long for it (8.4E+36, 7.5).",
        "get the table again from its source, with ids as text: several patients may have become one",
        "warning",
    ),
    Rule(
        "sex_known",
        "Sex is M, F or empty, and no word for it was left out as not understood.",
        "map the set's own words to M and F in a new batch",
    ),
    Rule(
        "view_known",
        "A view position is one of DICOM's words for chest views, or empty, and no other word for it was left out.",
        "map the set's own words to PA, AP, LL, ... in a new batch",
    ),
    Rule(
        "age_in_range",
        "Ages lie between 0 and validate.max_age years, and none was left out as not understood.",
        _CONVERT,
    ),
    Rule("width_in_range", "Widths lie between validate.min_side and validate.max_side pixels.", _CONVERT),
    Rule("height_in_range", "Heights lie between validate.min_side and validate.max_side pixels.", _CONVERT),
    Rule("bit_depth_in_range", "Bit depths lie between 1 and 16.", _INGEST),
    Rule(
        "grey_depths_agree",
        "The 16-bit files of a set have as many significant bits, so that their grey levels mean the same.",
        "look at bit_depth in data/manifest.parquet: two sources may be mixed, or single images overexposed",
        "warning",
    ),
    Rule(
        "orientation_upright",
        "No file asks by EXIF to be turned; those that do were turned by ingest, their boxes too.",
        "see with your own eyes that these images, and their boxes, are upright now",
        "warning",
    ),
    Rule(
        "images_not_blank",
        "An image's grey levels vary (standard deviation at least validate.blank_std of 255).",
        "look at the images named; add the batch anew without them, lower validate.blank_std, or set "
        "validate.severity.images_not_blank: warning",
    ),
    Rule("label_values", "A label is 0 or 1.", _INGEST),
    Rule(
        "one_label_per_image",
        "Where the task is multiclass, an image has exactly one label.",
        "correct the batch's labels, or set ingest.task: multilabel",
    ),
    Rule(
        "labels_in_every_split",
        "Every label occurs, and is missing, somewhere in every split.",
        "change ingest.split.seed, drop the label from ingest.labels, or add patients that have it",
    ),
    Rule("prevalence_in_bounds", "Each label's share of the images lies within validate.prevalence.", _CONVERT),
    Rule(
        "boxes_inside_image",
        "Reference boxes lie inside their image, with a pixel's tolerance.",
        "correct the batch's box list: corner x, y, then width and height, in pixels of the source image",
    ),
    Rule(
        "boxes_on_known_labels",
        "Reference boxes carry one of the set's labels.",
        "correct the words of the batch's box list, or add the label to ingest.labels",
    ),
)
NAMES = tuple(check.name for check in CHECKS)


def severities(asked: Mapping[Any, str]) -> dict[str, str]:
    """Severity of every expectation: what is asked for by name, else its own."""
    return {check.name: asked.get(check.name, check.severity) for check in CHECKS}
