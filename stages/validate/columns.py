"""Columns that are derived from the manifest for the expectations that no single column can carry. No reading here."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

DERIVED = (
    "splits_of_patient",
    "images_of_patient",
    "conflicting_rows",
    "rows_of_other_patient",
    "boxes_outside",
    "boxes_unknown_label",
    "of_other_depth",
)
BOX_TOLERANCE = 1.0  # pixels: box lists are rounded
MERGED = ("image_id", "outcome", "patient")  # what is read of data/merged.csv
_MANY, _SHARE, _TIMES = 50, 0.05, 10  # images of one patient, of all images, of the median patient's


def derive(table: pd.DataFrame, labels: Sequence[str], merged: pd.DataFrame) -> pd.DataFrame:
    """The manifest's table with more columns, all int64.

    `splits_of_patient`, `images_of_patient`: splits in which the row's patient has images, and how many. Of the rows
    that gave way to this one (`merged`, columns MERGED): `conflicting_rows` have other labels that no later batch
    settled, `rows_of_other_patient` name another patient. `boxes_outside` and `boxes_unknown_label`: of the row's
    boxes, how many leave the image by more than a pixel, and how many carry a word that is none of `labels`.
    `of_other_depth`: 1 for an image of a 16-bit file whose levels have other bits than those of most such images.
    """
    of_patient = table.groupby("patient")
    return table.assign(
        splits_of_patient=of_patient["split"].transform("nunique").astype("int64"),
        images_of_patient=of_patient["split"].transform("size").astype("int64"),
        conflicting_rows=_count_merged(table, merged[merged["outcome"] == "conflict"]),
        rows_of_other_patient=_count_merged(table, merged[merged["patient"] == "differs"]),
        boxes_outside=_count_boxes(table, lambda row, box: not _inside(box, row.width, row.height)),
        of_other_depth=_of_other_depth(table),
        boxes_unknown_label=_count_boxes(table, lambda row, box: box.get("label") not in labels),
    )


def _of_other_depth(table: pd.DataFrame) -> pd.Series:
    """1 where an image of a 16-bit file is not scaled by the bits that most of them are scaled by, int64."""
    deep = table["stored_bits"].gt(8)
    usual = table.loc[deep, "bit_depth"].mode()
    return (deep & ~table["bit_depth"].isin(usual[:1])).astype("int64")


def most_images_of_a_patient(table: pd.DataFrame) -> int:
    """Images of one patient up to which a derived table is plausible: more are far above the rest, as where many share
    one id. 0 where ids of a table or by a pattern are all different: then they are the images', not the patients'."""
    images = table.groupby("patient")["images_of_patient"].first()
    by_ids = table["patient_from"].isin(["column", "pattern"]).all()
    if len(table) > _MANY and len(images) == len(table) and by_ids:
        return 0
    return int(max(_MANY, _SHARE * len(table), _TIMES * images.median()))


def _count_merged(table: pd.DataFrame, merged: pd.DataFrame) -> pd.Series:
    """How many of the merged rows gave way to each row."""
    return table["image_id"].map(merged["image_id"].value_counts()).fillna(0).astype("int64")


def _count_boxes(table: pd.DataFrame, wrong: Any) -> pd.Series:
    """How many boxes of each row are wrong; rows without boxes are not parsed."""
    counts = pd.Series(0, index=table.index, dtype="int64")
    boxed = table[table["boxes"].ne("[]")]
    for row in boxed[["boxes", "width", "height"]].itertuples():
        counts[row.Index] = sum(bool(wrong(row, box)) for box in _boxes(row.boxes))
    return counts


def _boxes(text: str) -> list[dict[str, Any]]:
    """The boxes of a cell; a cell that is no JSON list of objects counts as one wrong box."""
    try:
        boxes = json.loads(text)
    except (TypeError, ValueError):
        return [{}]
    return [box if isinstance(box, dict) else {} for box in boxes] if isinstance(boxes, list) else [{}]


def _inside(box: dict[str, Any], width: int, height: int) -> bool:
    """Whether a box with a positive area lies inside the image."""
    try:
        x, y, w, h = (float(box[key]) for key in "xywh")
    except (KeyError, TypeError, ValueError):
        return False
    low, high = -BOX_TOLERANCE, BOX_TOLERANCE
    return w > 0 and h > 0 and x >= low and y >= low and x + w <= width + high and y + h <= height + high


def patients_in_two_splits(table: pd.DataFrame) -> int:
    """How many patients have images in more than one split."""
    return int((table.groupby("patient")["split"].nunique() > 1).sum())


def counts(table: pd.DataFrame, labels: Sequence[str], splits: Sequence[str]) -> dict[str, Any]:
    """Images and patients in all and by split, and positives of each label in all and by split."""
    parts = {name: table[table["split"] == name] for name in splits}
    return {
        "rows": len(table),
        "patients": int(table["patient"].nunique()),
        "patients_from": {str(name): int(part["patient"].nunique()) for name, part in table.groupby("patient_from")},
        "split": {
            name: {"images": len(part), "patients": int(part["patient"].nunique())} for name, part in parts.items()
        },
        "label": {label: _positives(table, parts, f"label_{label}") for label in labels},
    }


def _positives(table: pd.DataFrame, parts: dict[str, pd.DataFrame], column: str) -> dict[str, int]:
    """How many images have a label, in all (`images`) and in each split."""
    return {"images": int(table[column].eq(1).sum())} | {k: int(p[column].eq(1).sum()) for k, p in parts.items()}
