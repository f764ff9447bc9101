"""What is looked at before anything is copied, and what is refused there."""

import os
import unicodedata
from pathlib import Path

import pytest

from cxr.core.errors import UserError
from cxr.raw.batch import Batch, Location
from cxr.raw.door import Look, look_at, refuse
from cxr.raw.names import BatchError
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import FOLDER, NIH, folder_files, nih_files, nih_row, nih_table, params, put

pytestmark = pytest.mark.usefixtures("here")


def look(files: dict[str, bytes | str], section: dict | None = None, **more: object) -> Look:
    """Look at a folder with these files, and refuse what is to be refused."""
    put(Path("from"), files)
    asked = params(section, **more).ingest if section else None
    seen = look_at(Path("from"), "made", asked)
    refuse(seen, asked)
    return seen


def test_a_sound_folder_needs_no_remark():
    assert look(nih_files(2), NIH, max_quarantined_fraction=0.0).remarks() == []


def test_a_table_that_makes_no_sense_is_refused():
    with pytest.raises(UserError, match=r"^from/Data_Entry_2017\.csv: its first line lacks the columns Image Index, "):
        look({"Data_Entry_2017.csv": "name,label\na.png,Mass\n", "images/a.png": png(grey(1))})


def test_an_image_that_may_not_be_read_is_named(monkeypatch):
    plain = Location.head

    def closed(place, limit):  # not by permissions: root, as whom CI may run, reads everything
        if place.path.suffix == ".png":
            raise PermissionError(13, "Permission denied", str(place.path))
        return plain(place, limit)

    monkeypatch.setattr(Location, "head", closed)
    with pytest.raises(BatchError, match=r"00000001_000\.png: may not be read \(Permission denied\)"):
        look(nih_files(1), NIH)


def test_what_ingest_would_quarantine_is_counted_with_reasons_and_the_first_of_each():
    bad = {
        "train/NORMAL/a.png": b"",
        "train/NORMAL/b.png": b"GIF89a",
        "train/NORMAL/c.bin": b"x",
        "train/ZEBRA/d.png": b"x",
    }
    seen = look(folder_files() | bad, FOLDER)
    assert (seen.rows, len(seen.quarantined)) == (12, 4)
    assert seen.remarks() == [
        "ingest will quarantine 4 of 12 rows: 1 empty_file (first: train/NORMAL/a.png: 0 bytes); 1 mislabelled "
        "(first: train/NORMAL/b.png: named .png but its content is a GIF); 1 not_an_image (first: train/NORMAL/c.bin: "
        "its name is not that of a PNG or JPEG file); 1 unknown_label (first: train/ZEBRA/d.png: 'ZEBRA' is not among "
        "ingest.labels)"
    ]


def test_rows_that_contradict_each_other_about_an_image_are_counted_as_ingest_counts_them():
    table = nih_table(nih_row("a.png", "Mass", 7), nih_row("a.png", "Mass", 8), nih_row("b.png"), "b.png,Mass")
    images = {"images/a.png": png(grey(1)), "images/b.png": png(grey(2)), "images/c.png": png(grey(3))}
    seen = look({"Data_Entry.csv": table + nih_row("c.png"), **images}, NIH)
    assert sorted(fault.reason for fault in seen.quarantined) == ["bad_row", *["repeated_rows"] * 3]


def test_an_entry_for_test_that_names_nothing_is_refused_where_the_lists_decide_and_else_said():
    files = nih_files(1) | {"test_list.txt": "00000001_000\n"}
    assert look(files, NIH).remarks() == ["entries for test that name no image and no row: 1 (test_list.txt line 1)"]
    with pytest.raises(BatchError, match=r"1 entries for test name no image .* \(the first: test_list\.txt line 1\)"):
        look(files, NIH, split={"rule": "official"})


def test_cells_that_are_not_understood_are_said_by_column():
    files = nih_files(1)
    files["Data_Entry_2017_v2020.csv"] = nih_table(
        nih_row("00000001_000.png", age="60-65"), nih_row("00000001_001.png")
    )
    assert look(files, NIH).remarks() == ["cells that are not understood: Patient Age 1"]


def test_a_table_of_corrections_alone_is_let_in_where_its_images_came_in_before():
    first = Batch(put(Path("made/batch-001"), nih_files(1)))
    put(Path("from"), {"Data_Entry.csv": nih_table(nih_row("00000001_000.png", "Effusion"))})
    seen = look_at(Path("from"), "made", params(NIH).ingest, [first])
    refuse(seen, params(NIH).ingest, [first])
    assert (seen.rows, seen.absent, seen.quarantined) == (1, 0, [])
    with pytest.raises(
        BatchError, match=r"no image would come in: 0 of 0 rows would be quarantined, 1 are without image"
    ):
        refuse(look_at(Path("from"), "made", params(NIH).ingest), params(NIH).ingest)


def test_more_than_may_be_quarantined_is_refused_before_it_stops_ingest_for_ever():
    files = folder_files() | {"train/NORMAL/a.png": b""}
    with pytest.raises(BatchError, match=r"1 of 9 rows would be quarantined, .*\(0\.1\) allows: 1 empty_file"):
        look(files, FOLDER, max_quarantined_fraction=0.1)
    assert look(files, FOLDER, max_quarantined_fraction=0.2).rows == 9


def test_a_folder_of_which_no_image_would_come_in_is_refused_whatever_the_parameters_are():
    table = nih_table(nih_row("b.png"))
    with pytest.raises(BatchError, match=r"no image would come in: 1 of 1 rows .*not_in_table.*, 1 are without image"):
        look({"Data_Entry.csv": table, "images/a.png": png(grey(1))})
    Path("from/Data_Entry.csv").unlink()
    with pytest.raises(BatchError, match=r"no image would come in: .*'images' is not among ingest\.labels"):
        look({"images/a.png": png(grey(1)), "images/b.png": png(grey(2))}, FOLDER)


def test_rows_without_image_are_counted():
    files = nih_files(1)
    del files["images_001/images/00000001_001.png"]
    assert look(files, NIH).remarks() == ["rows without image: 1 of 2"]


def test_a_pattern_that_finds_no_patient_is_said_before_ingest_stops_at_it():
    files = {f"NORMAL/Patient-{n}_1.png": png(grey(n)) for n in range(3)}
    (said,) = (seen := look(files, FOLDER, max_pattern_misses=0.0)).remarks()
    assert said.startswith("ingest will stop: params.yaml: ingest.patient_pattern") and "3 of 3 image names" in said
    assert seen.remarks(named=False) == ["ingest will stop at ingest.patient_pattern"]


def test_litter_and_documents_are_left_out_and_counted():
    beside = {"README.md": "x", "metadata.csv": "x", "LICENSE": "x", "SHA256SUMS": "x", "train/NORMAL/notes.txt": "x"}
    litter = {"@eaDir/a.png": "x", "train/NORMAL/._a.png": "x", ".DS_Store": "x", "__MACOSX/x": "x"}
    seen = look(folder_files() | beside | litter, FOLDER, max_quarantined_fraction=0.0)
    assert seen.names == sorted(folder_files())
    assert seen.remarks() == [
        "left out, of systems and programs: 4 (.DS_Store, @eaDir/, __MACOSX/ and 1 more)",
        "left out, no input: 5 (LICENSE, README.md, SHA256SUMS and 2 more)",
    ]


def test_a_folder_of_litter_is_not_looked_into():
    put(Path("from"), folder_files() | {"lost+found/x": "x"})
    Path("from/lost+found").chmod(0)
    try:
        assert look({}).listing.litter == ("lost+found/",)
    finally:
        Path("from/lost+found").chmod(0o700)


def test_the_tables_of_a_layout_are_no_documents_beside_it():
    files = nih_files(2) | {"train_val_list.txt": "00000001_000.png\n", "LOG.txt": "x", "FAQ.pdf": "x"}
    seen = look(files, NIH)
    assert seen.left_out == ["FAQ.pdf", "LOG.txt"] and "train_val_list.txt" in seen.names


@pytest.mark.parametrize(
    "name",
    [
        "images_01.tar.gz",
        "a.tgz",
        "NORMAL.zip",
        "x.7z",
        "x.rar",
        "NORMAL/x.png.gz",
        "x.tar.bz2",
        "x.tar.xz",
        "v.nii.gz",
    ],
)
def test_packed_files_are_refused_with_what_to_do(name):
    with pytest.raises(BatchError, match=f"^from: {name}: packed; unpack it there, or move it away if what is inside"):
        look(nih_files(1) | {name: b"x"})


def test_a_table_may_be_zipped():
    files = nih_files(1) | {"metadata.csv.gz": b"x"}
    assert look(files).left_out == ["metadata.csv.gz"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a/1.dcm": "x", "a/2.DCM": "x"}, "here are 2 DICOM files; only PNG or JPEG come in: convert"),
        ({"a/1.tif": "x", "b/1.webp": "x", "b/2.webp": "x"}, "here are 2 WebP files, 1 TIFF file; only PNG or JPEG"),
        ({"a/1": b"\0" * 128 + b"DICM"}, r"here are 1 file without suffix \(DICOM by content\); only PNG or JPEG"),
        ({"a/1": png(grey(1))}, r"1 file without suffix \(PNG by content: give them that suffix\)"),
        ({"labels.csv": "x"}, "here are labels.csv"),
        ({}, "no file is here"),
    ],
)
def test_a_folder_in_which_nothing_is_recognised_is_told_what_is_in_it(files, said):
    Path("from").mkdir()
    with pytest.raises(BatchError, match=rf"neither a Data_Entry.*{said}"):
        look(files)


def test_another_layout_than_the_parameters_say_is_told_what_was_looked_for_and_what_is_there():
    with pytest.raises(
        BatchError, match=r"ingest\.layout: nih .*holds a Data_Entry\*\.csv or .*; here are 1 \.png file, .*l\.csv"
    ):
        look({"images/a.png": png(grey(1)), "l.csv": "x"}, NIH)


def test_names_that_other_systems_take_for_one_are_said():
    accent = {
        f"train/NORMAL/{unicodedata.normalize(form, 'é')}.png": png(grey(n)) for n, form in enumerate(("NFC", "NFD"))
    }
    case = {"train/NORMAL/x.png": png(grey(7)), "train/NORMAL/X.PNG": png(grey(8))}
    (said,) = look(folder_files() | accent | case, FOLDER).remarks()
    assert said.startswith("names that other systems take for one: 4 (train/NORMAL/X.PNG, ")


def test_an_image_that_became_a_pipe_is_not_waited_for():
    put(Path("from"), folder_files())
    path = Path("from/train/NORMAL/IM-0001-0001.png")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BatchError, match="a symbolic link or device"):
        look({})
