"""Sets with faults that people reported, from the door to the manifest: each is right in the end, or refused by name.

What each part does with a fault is tested beside that part; here the parts are one pipeline, on small sets.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr.core.errors import UserError
from cxr.raw.door import look_at, refuse
from tests.fixtures.made_images import grey, jpeg, png
from tests.fixtures.made_sets import FOLDER, NIH, adds_up, batch, counts, listed, nih_row, nih_table, params, put, run

pytestmark = pytest.mark.usefixtures("here", "in_this_process")

Files = dict[str, bytes | str]
NAMES = [f"{number:08d}_000.png" for number in range(1, 13)]
IMAGES: Files = {f"images/{name}": png(grey(seed)) for seed, name in enumerate(NAMES)}
ROWS = [nih_row(name, "Mass" if index % 2 else "No Finding", index + 1) for index, name in enumerate(NAMES)]
CLASSES: Files = {
    f"{'PNEUMONIA' if number % 2 else 'NORMAL'}/person{number}_a.png": png(grey(50 + number)) for number in range(12)
}
OFFICIAL = {"rule": "official", "ratio": {"train": 0.8, "validation": 0.2, "test": 0.0}}


def bring_in(files: Mapping[str, bytes | str], section: dict[str, Any], **more: Any) -> pd.DataFrame:
    """Through the door and through ingest, strict as by default: the manifest's table, indexed by source.

    UserError as whichever of the two refuses it.
    """
    strict = {"max_quarantined_fraction": 0.01, "max_pattern_misses": 0.0, **more}
    source, ingest = put(Path("incoming"), dict(files)), params(section, **strict).ingest
    found = look_at(source, ingest.set, ingest)
    refuse(found, ingest)
    batch({name: (source / name).read_bytes() for name in found.names})
    table = run(section, **strict)
    assert adds_up()
    return table


def nih(*rows: str, head: str | None = None, name: str = "Data_Entry_2017.csv") -> Files:
    """The twelve images with a table of these rows."""
    return {**IMAGES, name: nih_table(*rows, head=head) if head else nih_table(*rows)}


# who a patient is


@pytest.mark.parametrize(
    "spelt", [["7", "7.0", "007", " 7 "], ["12", "12.00", "\uff11\uff12", "00012"], ["a7", " a7", "a7 ", "a7"]]
)
def test_one_id_in_four_spellings_is_one_patient(spelt):
    table = bring_in(nih(*(nih_row(name, "Mass", spelt[i % 4]) for i, name in enumerate(NAMES))), NIH)
    assert table.patient.nunique() == 1 and table.split.nunique() == 1


def test_ids_that_a_spreadsheet_rounded_are_said():
    rows = [nih_row(name, "Mass", "1.23457E+11" if i < 6 else i) for i, name in enumerate(NAMES)]
    bring_in(nih(*rows), NIH)
    assert counts()["rounded_ids"] == {"Patient ID": 6}


def test_folders_of_patients_below_a_class_are_asked_about_never_guessed():
    deeper = {f"NORMAL/pt{number}/0001.png": png(grey(80 + number)) for number in range(3)}
    with pytest.raises(UserError, match="below_class"):
        bring_in({**CLASSES, **deeper}, FOLDER)


def test_the_same_pixels_in_two_classes_are_a_conflict():
    bring_in({**CLASSES, "PNEUMONIA/person70_a.png": CLASSES["NORMAL/person0_a.png"]}, FOLDER)
    assert listed("merged").outcome.tolist() == ["conflict"]


# tables


@pytest.mark.parametrize(
    "spelt", [lambda name: f"images\\{name}", lambda name: f"./images/{name}", lambda name: name.removesuffix(".png")]
)
def test_names_as_other_programs_write_them_find_their_images_or_are_refused_by_name(spelt):
    rows = [row.replace(name, spelt(name), 1) for row, name in zip(ROWS, NAMES, strict=True)]
    try:
        table = bring_in(nih(*rows), NIH)
    except UserError as refusal:
        assert spelt(NAMES[0]) in str(refusal)
    else:
        assert len(table) == 12 and table.label_Mass.sum() == 6


def test_upper_case_suffixes_on_disk_are_the_tables_images():
    files = {name.replace(".png", ".PNG"): data for name, data in nih(*ROWS).items()}
    assert len(bring_in(files, NIH)) == 12


def test_two_versions_of_the_labels_are_refused_at_the_door():
    with pytest.raises(UserError, match=r"Data_Entry_2017\.csv.*v2020"):
        bring_in({**nih(*ROWS), "Data_Entry_2017_v2020.csv": nih_table(*ROWS)}, NIH)


@pytest.mark.parametrize("columns", ["x1,y1,x2,y2", "xmin,ymin,xmax,ymax", "left,top,right,bottom"])
def test_boxes_by_two_corners_are_turned_into_sides_or_refused(columns):
    boxes = f"Image Index,Finding Label,{columns}\n{NAMES[1]},Mass,5,6,26,20\n"
    try:
        table = bring_in({**nih(*ROWS), "BBox_List_2017.csv": boxes}, NIH)
    except UserError as refusal:
        assert columns.split(",")[0] in str(refusal)
    else:
        assert '"h": 14.0' in table.loc[f"images/{NAMES[1]}"].boxes and '"w": 21.0' in table.boxes.str.cat()


def test_a_row_of_totals_is_absent_and_no_image():
    table = bring_in(nih(*ROWS, "Total,12,,,,,,,,,"), NIH)
    assert len(table) == 12 and len(listed("absent")) == 1


def test_a_quote_that_is_never_closed_is_named_with_its_line():
    rows = [row.replace(",Mass,", ',"Mass,') if index == 3 else row for index, row in enumerate(ROWS)]
    with pytest.raises(UserError, match=r"line 5\b"):
        bring_in(nih(*rows), NIH)


def test_spaces_that_do_not_break_are_spaces():
    rows = [row.replace("Mass", "Mass\u00a0|\u00a0Effusion") for row in ROWS]
    table = bring_in(nih(*rows), NIH)
    assert table.label_Mass.sum() == table.label_Effusion.sum() == 6


@pytest.mark.parametrize(
    "spelt", [lambda name: f"images/{name}", lambda name: name.replace(".png", ".jpg"), lambda name: f"{name}  # kept"]
)
def test_no_image_of_a_test_list_is_trained_on(spelt):
    held = NAMES[-4:]
    lists = {
        "train_val_list.txt": "".join(f"{name}\n" for name in NAMES[:-4]),
        "test_list.txt": "".join(f"{spelt(name)}\n" for name in held),
    }
    try:
        table = bring_in({**nih(*ROWS), **lists}, NIH, split=OFFICIAL)
    except UserError as refusal:
        assert "test_list.txt" in str(refusal)
    else:
        assert table.loc[[f"images/{name}" for name in held]].split.unique().tolist() == ["test"]


# files


def test_what_storage_boxes_and_macs_leave_behind_is_left_out():
    litter = (
        "@eaDir/person0_a.png/SYNOFILE_THUMB_M.png",
        "._person0_a.png",
        "Icon\r",
        ".ipynb_checkpoints/person0_a.png",
        "Thumbs.db",
    )
    table = bring_in({**CLASSES, **{f"NORMAL/{name}": png(grey(1)) for name in litter}}, FOLDER)
    assert len(table) == 12 and counts()["quarantined"] == {}


def test_a_progressive_jpeg_with_a_hole_is_refused_by_name():
    whole = bytearray(progressive())
    middle = len(whole) // 2
    whole[middle : middle + 200] = bytes(200)
    with pytest.raises(UserError, match="quarantine"):
        bring_in({**CLASSES, "NORMAL/person90_a.jpg": bytes(whole)}, FOLDER)
    assert pd.read_csv(".runs/quarantine.csv").reason.tolist() == ["corrupt"]


def progressive() -> bytes:
    """A progressive JPEG of 200 x 300 pixels."""
    path = Path("progressive.jpg")
    Image.fromarray(grey(7, 200, 300)).save(path, quality=90, progressive=True)
    return path.read_bytes()


def test_a_file_of_another_kind_under_a_jpegs_name_is_refused_at_the_door():
    with pytest.raises(UserError, match=r"person91_a\.jpg"):
        bring_in({**CLASSES, "NORMAL/person91_a.jpg": b"RIFF\x10\0\0\0WEBPVP8 " + bytes(40)}, FOLDER)


def test_a_set_of_fourteen_bits_is_as_bright_as_the_same_in_eight():
    deep = {name: png(Image.fromarray(grey(50 + i).astype(np.uint16) * 64)) for i, name in enumerate(CLASSES)}
    shallow = {name: png(grey(50 + i)) for i, name in enumerate(CLASSES)}
    first = bring_in(deep, FOLDER)
    batch(shallow, folder=Path("data/raw/other"))
    second = run({**FOLDER, "set": "other"})
    assert first.bit_depth.unique().tolist() == [14]
    assert np.allclose(first["mean"].sort_index(), second["mean"].sort_index(), atol=1.0)


def test_names_that_only_case_tells_apart_are_said_at_the_door():
    source = put(Path("incoming"), {**CLASSES, "NORMAL/PERSON0_A.png": png(grey(99)), "NORMAL/é.png": jpeg(grey(98))})
    found = look_at(source, "made", None)
    assert found.alike == ["NORMAL/PERSON0_A.png", "NORMAL/person0_a.png"]
