"""The expectations as Great Expectations' objects, each tagged with its name in `checks`. No reading or writing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import great_expectations.expectations as gxe
from great_expectations.expectations.row_conditions import Column

from cxr.data.manifest import COLUMNS, SPLITS, STATISTICS, VIEWS, Head
from cxr.params.schema import Validate
from stages.validate.checks import CHECKS
from stages.validate.columns import DERIVED

Named = tuple[str, gxe.Expectation]
_TYPES = {
    "image_id": "str",
    "patient": "str",
    "patient_from": "str",
    "study": "str",
    "view": "str",
    "sex": "str",
    "age": "float32",
    "batch": "str",
    "source": "str",
    "sha256": "str",
    "width": "int32",
    "height": "int32",
    "stored_bits": "int16",
    "bit_depth": "int16",
    "orientation": "int8",
    **dict.fromkeys(STATISTICS, "float32"),
    "boxes": "str",
    "split": "str",
    "gate": "bool",
}


@dataclass(frozen=True)
class Rows:
    """Rows that the manifest should have by ingest's counts: with repeats merged, and were nothing merged."""

    merged: int
    unmerged: int

    @classmethod
    def from_counts(cls, ingest: Mapping[str, int]) -> "Rows":
        """From `rows_in`, `quarantined`, `merged`, `absent` and `repeated_rows` (of a table about one image: no pixels
        twice) of data/ingest.json."""
        unmerged = ingest["rows_in"] - ingest["quarantined"] - ingest["absent"]
        return cls(unmerged - ingest["merged"], unmerged - ingest.get("repeated_rows", 0))


@dataclass(frozen=True)
class Patients:
    """How many patients there are, and how many images one may have (see `columns.most_images_of_a_patient`)."""

    number: int
    most_images: int


def schema(labels: Sequence[str]) -> list[Named]:
    """Expectations on the columns' names; where they fail, no other can be judged."""
    columns = [*COLUMNS, *(f"label_{label}" for label in labels), *DERIVED]
    return _tagged([("columns", gxe.ExpectTableColumnsToMatchSet(column_set=columns, exact_match=True))])


def content(head: Head, bounds: Validate, rows: Rows, patients: Patients) -> list[Named]:
    """Expectations on the values, for a manifest with this head, ingest's counts and its patients."""
    columns = [f"label_{label}" for label in head.labels]
    named = [
        *_types(columns),
        *_formats(),
        *_rows(rows),
        *_vocabularies(columns),
        *_ranges(bounds),
        *_merged(),
        *_splits(),
        *_patients(patients),
        *_prevalences(columns, bounds),
        *_boxes(),
    ]
    if head.task == "multiclass":
        named.append(("one_label_per_image", gxe.ExpectMulticolumnSumToEqual(column_list=columns, sum_total=1)))
    if patients.number >= bounds.min_patients_for_label_check:
        named += _labels_in_splits(columns)
    return _tagged(named)


def _tagged(named: list[Named]) -> list[Named]:
    """Each expectation with its name as metadata, and with the name and its sentence as its description."""
    says = {check.name: check.says for check in CHECKS}
    for name, expectation in named:
        expectation.meta = {"name": name}
        expectation.notes = f"{name}: {says[name]}"
    return named


def _types(columns: Sequence[str]) -> Iterator[Named]:
    """Every column has its type, and no value is missing but ages."""
    types = _TYPES | dict.fromkeys(columns, "int8")
    for column, kind in types.items():
        yield "column_types", gxe.ExpectColumnValuesToBeOfType(column=column, type_=kind)
        if column != "age":
            yield "no_missing_values", gxe.ExpectColumnValuesToNotBeNull(column=column)


def _formats() -> Iterator[Named]:
    """Ids and hashes have their form and are unique; so are files."""
    yield "image_id_format", gxe.ExpectColumnValuesToMatchRegex(column="image_id", regex="^[0-9a-f]{32}$")
    yield "sha256_format", gxe.ExpectColumnValuesToMatchRegex(column="sha256", regex="^[0-9a-f]{64}$")
    yield "image_id_unique", gxe.ExpectColumnValuesToBeUnique(column="image_id")
    yield "file_unique", gxe.ExpectCompoundColumnsToBeUnique(column_list=["batch", "source", "sha256"])


def _rows(rows: Rows) -> Iterator[Named]:
    """The manifest has as many rows as ingest counted, and ingest merged none."""
    yield "counts_add_up", gxe.ExpectTableRowCountToEqual(value=rows.merged)
    yield "no_duplicate_pixels", gxe.ExpectTableRowCountToEqual(value=rows.unmerged)


def _merged() -> Iterator[Named]:
    """Rows that gave way to an image's row agree with it on labels and patient."""
    yield "no_conflicting_labels", gxe.ExpectColumnValuesToBeBetween(column="conflicting_rows", max_value=0)
    yield "same_pixels_same_patient", gxe.ExpectColumnValuesToBeBetween(column="rows_of_other_patient", max_value=0)


def _patients(patients: Patients) -> Iterator[Named]:
    """Nobody has more images than is plausible."""
    most = patients.most_images
    yield "patient_sizes_plausible", gxe.ExpectColumnValuesToBeBetween(column="images_of_patient", max_value=most)


def _vocabularies(columns: Sequence[str]) -> Iterator[Named]:
    """Splits, sexes, views and labels take known values only."""
    yield "split_known", gxe.ExpectColumnValuesToBeInSet(column="split", value_set=list(SPLITS))
    yield "sex_known", gxe.ExpectColumnValuesToBeInSet(column="sex", value_set=["M", "F", ""])
    yield "view_known", gxe.ExpectColumnValuesToBeInSet(column="view", value_set=list(VIEWS))
    for column in columns:
        yield "label_values", gxe.ExpectColumnValuesToBeInSet(column=column, value_set=[0, 1])


def _ranges(bounds: Validate) -> Iterator[Named]:
    """Ages, sides, bit depths and contrast lie within bounds."""
    sides = {"min_value": bounds.min_side, "max_value": bounds.max_side}
    yield "age_in_range", gxe.ExpectColumnValuesToBeBetween(column="age", min_value=0, max_value=bounds.max_age)
    yield "width_in_range", gxe.ExpectColumnValuesToBeBetween(column="width", **sides)
    yield "height_in_range", gxe.ExpectColumnValuesToBeBetween(column="height", **sides)
    yield "bit_depth_in_range", gxe.ExpectColumnValuesToBeBetween(column="bit_depth", min_value=1, max_value=16)
    yield "grey_depths_agree", gxe.ExpectColumnValuesToBeBetween(column="of_other_depth", max_value=0)
    yield "orientation_upright", gxe.ExpectColumnValuesToBeInSet(column="orientation", value_set=[1])
    yield "images_not_blank", gxe.ExpectColumnValuesToBeBetween(column="std", min_value=bounds.blank_std)


def _splits() -> Iterator[Named]:
    """No split is empty, no patient is in two, gate studies are validation studies."""
    present = gxe.ExpectColumnDistinctValuesToContainSet(column="split", value_set=list(SPLITS))
    is_gate = Column("gate") == True  # noqa: E712  (a condition is built, not a truth value)
    gate = gxe.ExpectColumnValuesToBeInSet(column="split", value_set=["validation"], row_condition=is_gate)
    yield "splits_not_empty", present
    yield "patient_in_one_split", gxe.ExpectColumnValuesToBeBetween(column="splits_of_patient", max_value=1)
    yield "gate_in_validation", gate


def _labels_in_splits(columns: Sequence[str]) -> Iterator[Named]:
    """In each split every label has positives and negatives."""
    for column in columns:
        for split in SPLITS:
            yield (
                "labels_in_every_split",
                gxe.ExpectColumnDistinctValuesToContainSet(
                    column=column, value_set=[0, 1], row_condition=Column("split") == split
                ),
            )


def _prevalences(columns: Sequence[str], bounds: Validate) -> Iterator[Named]:
    """Each label's share of positives lies within bounds."""
    low, high = bounds.prevalence
    for column in columns:
        yield "prevalence_in_bounds", gxe.ExpectColumnMeanToBeBetween(column=column, min_value=low, max_value=high)


def _boxes() -> Iterator[Named]:
    """Reference boxes lie in their images and carry labels of the set."""
    yield "boxes_inside_image", gxe.ExpectColumnValuesToBeBetween(column="boxes_outside", max_value=0)
    yield "boxes_on_known_labels", gxe.ExpectColumnValuesToBeBetween(column="boxes_unknown_label", max_value=0)


def with_severities(named: Sequence[Named], severities: Mapping[str, str]) -> list[gxe.Expectation]:
    """The expectations, each with the severity that its name has."""
    for name, expectation in named:
        expectation.severity = severities[name]
    return [expectation for _, expectation in named]
