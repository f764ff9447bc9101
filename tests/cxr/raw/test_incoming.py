"""What a folder that waits would bring in: flows ask it by `python -m cxr.raw look`."""

import json
from pathlib import Path

import pytest
import yaml

from cxr.core.files import sha256_file
from cxr.raw.command import main
from cxr.raw.incoming import inspect
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import folder_files, nih_files, nih_row, nih_table, put

pytestmark = pytest.mark.usefixtures("here")


def test_labelled_images_are_those_of_a_class_folder_or_of_the_table_and_new_ones_are_not_known():
    put(Path("classes"), folder_files() | {"loose.png": "x", "notes.txt": "x"})
    known = sha256_file(Path("classes/train/NORMAL/IM-0001-0001.png"))
    found = inspect(Path("classes"), frozenset((known,)))
    assert (found.layout, found.files, found.images, found.labelled, found.new) == ("folder", 9, 9, 8, 7)
    put(Path("table"), nih_files(2) | {"images_001/images/stray.png": "x"})
    found = inspect(Path("table"))
    assert (found.layout, found.files, found.images, found.labelled, found.new) == ("nih", 6, 5, 4, 4)


def test_images_are_found_by_the_name_of_their_column_wherever_it_stands():
    put(Path("table"), {"Data_Entry.csv": "Patient ID,Image Index,Finding Labels\n7,a.png,Mass\n", "images/a.png": "x"})
    assert inspect(Path("table")).labelled == 1


def test_the_digest_is_of_names_and_contents():
    put(Path("one"), folder_files())
    first = inspect(Path("one")).digest
    Path("one/train").rename("one/validation")
    second = inspect(Path("one")).digest
    put(Path("one"), {"validation/NORMAL/IM-0001-0001.png": "other"})
    assert len({first, second, inspect(Path("one")).digest}) == 3


def look(folder: str) -> int:
    """The command, in this process."""
    return main(["look", "--from", folder])


def test_the_command_says_in_json_what_it_found(capsys):
    put(Path("from"), nih_files(1))
    assert look("from") == 0
    found = json.loads(capsys.readouterr().out)
    assert found.pop("digest") and found == {
        "layout": "nih",
        "files": 3,
        "images": 2,
        "labelled": 2,
        "new": 2,
        "quarantined": 0,
        "absent": 0,
    }


def test_a_folder_is_looked_at_as_the_parameters_read_it(root, capsys):
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["ingest"] |= {"layout": "folder", "one_patient_per": "image", "labels": ["A", "B"], "task": "multiclass"}
    masked = {
        f"{label}/{kind}/{label}1.png": png(grey(ord(label) + len(kind))) for label in "AB" for kind in ("x", "mask")
    }
    put(Path("from"), masked)
    for below, status in (("x", 0), (None, 1)):
        params["ingest"]["below_class"] = below
        Path("params.yaml").write_text(yaml.safe_dump(params))
        assert look("from") == status
    said = capsys.readouterr()
    assert json.loads(said.out)["images"] == 2 and said.err.startswith("look: from: folders below the classes: mask (2")


@pytest.mark.parametrize("table", [b"\xff\xfe", b"name,labels\na.png,Mass\n"])
def test_a_table_that_makes_no_sense_is_named_in_one_line(capsys, table):
    put(Path("from"), {"Data_Entry.csv": table, "a.png": "x"})
    assert look("from") == 1
    said = capsys.readouterr().err
    assert said.startswith("look: from/Data_Entry.csv: ") and said.count("\n") == 1
    put(Path("from"), {"Data_Entry.csv": nih_table(nih_row("a.png"))})
    assert look("from") == 0
