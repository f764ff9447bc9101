"""Every expectation can fail, and what fails it fails no other; those on patients and on what was merged."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cxr.data.manifest import Manifest
from stages.validate import checks
from tests.stages.validate.test_validate import PATIENTS, PER_PATIENT, a_manifest, failing, ingested, merged, with_cells

OUTSIDE, UNKNOWN = (
    '[{"label": "Mass", "x": 200, "y": 0, "w": 100, "h": 5}]',
    '[{"label": "Sparrow", "x": 0, "y": 0, "w": 5, "h": 5}]',
)
CELLS: dict[str, tuple[str, Any]] = {  # expectation: the column, and the value of one cell that does not meet it
    "image_id_format": ("image_id", "no hexadecimal"),
    "sha256_format": ("sha256", "abc"),
    "split_known": ("split", "holdout"),
    "gate_in_validation": ("gate", True),
    "sex_known": ("sex", "male"),
    "view_known": ("view", "oblique"),
    "age_in_range": ("age", 412),
    "width_in_range": ("width", 31),
    "height_in_range": ("height", 20_001),
    "bit_depth_in_range": ("bit_depth", 32),
    "images_not_blank": ("std", 1.5),
    "orientation_upright": ("orientation", 6),
    "label_values": ("label_Mass", 2),
    "boxes_inside_image": ("boxes", OUTSIDE),
    "boxes_on_known_labels": ("boxes", UNKNOWN),
    "patient_in_one_split": ("split", "test"),
}
WITH = {  # what can't fail alone
    "counts_add_up": {"no_duplicate_pixels"},
    "split_known": {"patient_in_one_split"},
    "splits_not_empty": {"labels_in_every_split"},
}


def retyped(column: str, kind: str) -> Manifest:
    """The faultless manifest, a column of it of another type."""
    manifest = a_manifest()
    return Manifest(manifest.head, manifest.table.astype({column: kind}))


def without(column: str) -> Manifest:
    """The faultless manifest without a value in the first cell of a column."""
    manifest = a_manifest()
    manifest.table.loc[0, column] = None
    return manifest


def repeated(*columns: str) -> Manifest:
    """The faultless manifest, two rows of which are the same in these columns."""
    manifest = a_manifest()
    for column in columns:
        manifest.table.loc[1, column] = manifest.table.loc[0, column]
    return manifest


def of_depths(*depths: int) -> Manifest:
    """The faultless manifest, its first files of 16 bits with so many significant ones."""
    manifest = a_manifest()
    for row, depth in enumerate(depths):
        manifest.table.loc[row, ["stored_bits", "bit_depth"]] = np.int16(16), np.int16(depth)
    return manifest


def of_one_split_less() -> Manifest:
    """The faultless manifest without its test images."""
    manifest = a_manifest()
    return Manifest(manifest.head, manifest.table[manifest.table["split"] != "test"].reset_index(drop=True))


def never(label: str, split: str) -> Manifest:
    """The faultless manifest, in one split of which nobody has a label."""
    manifest = a_manifest()
    manifest.table.loc[manifest.table["split"] == split, f"label_{label}"] = np.int8(0)
    return manifest


def two_labels() -> Manifest:
    """A multiclass manifest with an image of two classes."""
    manifest = a_manifest(("a", "b", "c"), "multiclass")
    manifest.table.loc[0, ["label_a", "label_b"]] = np.int8(1)
    return manifest


def crowded() -> Manifest:
    """The faultless manifest, 51 images of train under one id."""
    manifest = a_manifest()
    manifest.table.loc[manifest.table["split"].eq("train").to_numpy().nonzero()[0][:51], "patient"] = "8.4E+36"
    return manifest


def image(outcome: str, patient: str) -> dict[str, Any]:
    """What is merged into the faultless manifest's first image."""
    return {"gone": merged((a_manifest().table.loc[0, "image_id"], outcome, patient))}


def counted(**changed: Any) -> dict[str, Any]:
    """Ingest's counts of the faultless manifest with changes."""
    return {"counts": ingested(a_manifest(), **changed)}


ROWS = PATIENTS * PER_PATIENT
BROKEN: dict[str, Callable[[], tuple[Manifest, dict[str, Any]]]] = {
    "columns": lambda: (Manifest(a_manifest().head, a_manifest().table.drop(columns="label_Mass")), {}),
    "column_types": lambda: (retyped("width", "float64"), {}),
    "no_missing_values": lambda: (without("study"), {}),
    "image_id_unique": lambda: (repeated("image_id"), {}),
    "file_unique": lambda: (repeated("source", "sha256"), {}),
    "counts_add_up": lambda: (a_manifest(), counted(rows_in=ROWS + 4, merged=0)),
    "no_duplicate_pixels": lambda: (a_manifest(), counted(rows_in=ROWS + 4, merged=1)),
    "no_conflicting_labels": lambda: (a_manifest(), image("conflict", "same")),
    "same_pixels_same_patient": lambda: (a_manifest(), image("same", "differs")),
    "splits_not_empty": lambda: (of_one_split_less(), {"counts": ingested(of_one_split_less())}),
    "patient_sizes_plausible": lambda: (crowded(), {}),
    "patient_ids_not_rounded": lambda: (a_manifest(), counted(rounded_ids={"Patient ID": 5})),
    "grey_depths_agree": lambda: (of_depths(12, 12, 10), {}),
    "one_label_per_image": lambda: (two_labels(), {}),
    "labels_in_every_split": lambda: (never("Hernia", "test"), {}),
    "prevalence_in_bounds": lambda: (a_manifest(), {"prevalence": [0.4, 0.6]}),
    **{name: (lambda cell=cell: (with_cells(*cell), {})) for name, cell in CELLS.items()},
}


def test_there_is_a_fault_for_each_expectation() -> None:
    assert set(BROKEN) == set(checks.NAMES)


@pytest.mark.parametrize("name", checks.NAMES)
def test_each_expectation_can_fail_and_nothing_else_does(name: str) -> None:
    manifest, how = BROKEN[name]()
    found = failing(manifest, **how)
    assert found[name] >= 1 and set(found) - WITH.get(name, set()) == {name}


def test_other_labels_for_the_same_pixels_are_found_unless_a_later_batch_settled_them() -> None:
    manifest = a_manifest()
    first, second, third = manifest.table["image_id"][:3]
    rows = merged((first, "conflict", "same"), (second, "settled", "same"), (third, "corrected", "same"))
    assert failing(manifest, gone=rows) == {"no_conflicting_labels": 1}
    assert checks.severities({})["no_conflicting_labels"] == "critical"


def test_the_same_pixels_under_two_patients_are_warned_about() -> None:
    manifest = a_manifest()
    assert failing(manifest, gone=merged((manifest.table["image_id"][5], "same", "differs"))) == {
        "same_pixels_same_patient": 1
    }
    assert checks.severities({})["same_pixels_same_patient"] == "warning"


def test_an_id_that_many_images_share_is_no_patient() -> None:
    manifest = a_manifest()
    manifest.table.loc[manifest.table["split"].eq("train").to_numpy().nonzero()[0][:51], "patient"] = "8.4E+36"
    assert failing(manifest) == {"patient_sizes_plausible": 51}
    assert checks.severities({})["patient_sizes_plausible"] == "warning"


def test_as_many_patients_as_images_are_plausible_only_where_no_ids_say_so() -> None:
    manifest = a_manifest()
    manifest.table["patient"] = manifest.table["image_id"]
    assert failing(manifest) == {"patient_sizes_plausible": PATIENTS * PER_PATIENT}
    manifest.table["patient_from"] = "pattern"
    assert failing(manifest) == {"patient_sizes_plausible": PATIENTS * PER_PATIENT}
    manifest.table["patient_from"] = "image"
    assert failing(manifest) == {}


def test_cells_that_do_not_fit_fail_each_its_own_expectation_in_one_manifest() -> None:
    faults = {name: cell for name, cell in CELLS.items() if cell[0] != "split"}  # that would move a patient
    manifest = a_manifest()
    for row, (column, value) in enumerate(faults.values()):
        manifest.table.loc[row, column] = np.array([value], manifest.table[column].to_numpy().dtype)[0]
    assert failing(manifest) == dict.fromkeys(faults, 1)
