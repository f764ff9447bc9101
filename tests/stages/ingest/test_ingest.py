"""The stage ingest: what comes in and what is refused, in layouts `nih` and `folder`."""

import gzip
from pathlib import Path

import pytest

from cxr.core import files
from cxr.core.errors import UserError
from cxr.raw.layouts.base import REASONS
from tests.fixtures.made_images import BROKEN, grey, png
from tests.fixtures.made_sets import (
    FOLDER,
    NIH,
    adds_up,
    batch,
    counts,
    listed,
    nih_files,
    nih_row,
    nih_table,
    reasons,
    run,
)

SOUND = png(grey(500))
pytestmark = pytest.mark.usefixtures("here", "in_this_process")


# what comes in, layout nih


def test_a_sound_nih_batch_comes_in_whole():
    batch(nih_files(3))
    table = run(NIH)
    assert len(table) == 6 and counts()["rows_in"] == 6 and adds_up()
    row = table.loc["images_001/images/00000001_000.png"]
    assert (row.label_Mass, row.label_Infiltration, row.label_Effusion) == (1, 1, 0)
    assert (row.view, row.sex, row.age, row.width, row.height, row.bit_depth) == ("PA", "F", 50, 32, 24, 8)
    assert table.study.is_unique and table.study.str.match(r"[0-9a-f]{16}-00[01]$").all()


def test_both_label_versions_give_the_same_manifest():
    old = ",".join(
        [
            "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position",
            "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],",
        ]
    )
    old_table = nih_table(nih_row("a.png", "Mass", 7, "058Y") + ",", head=old)
    new_table = gzip.compress(nih_table(nih_row("a.png", "Mass", "00000007", "58")).encode())
    batch({"Data_Entry_2017.csv": old_table, "images/a.png": SOUND})
    first = run(NIH)
    batch({"Data_Entry_2017_v2020.csv.gz": new_table, "images/a.png": SOUND}, folder=Path("data/raw/other"))
    second = run(NIH | {"set": "other"})
    assert first.age.tolist() == second.age.tolist() == [58]
    assert first.label_Mass.tolist() == second.label_Mass.tolist() == [1]


def test_a_table_of_corrections_without_images_is_a_batch_and_none_of_its_rows_is_absent():
    batch(nih_files(2))
    rows = [nih_row(f"{p:08d}_{s:03d}.png", "Effusion", p, study=s) for p in (1, 2) for s in range(2)]
    batch({"Data_Entry_2017_v2020.csv": nih_table(*rows)}, "batch-002")
    table = run(NIH)
    assert table.label_Effusion.tolist() == [1] * 4 and table.label_Mass.tolist() == [0] * 4 and adds_up()
    assert (counts()["absent"], counts()["merged_by_outcome"]["corrected"]) == (0, 4)


def test_names_in_another_unicode_form_case_or_folder_are_matched_and_counted(caplog):
    names = ["Nu\u0301n\u0303ez.png", "B.PNG", "c.png", "d.png"]
    rows = [
        nih_row(name, patient=i)
        for i, name in enumerate(["N\u00fa\u00f1ez.png", "b.png", "D:\\x\\images\\c.png", "e/d.png"])
    ]
    batch({"Data_Entry.csv": nih_table(*rows), **{f"images/{n}": png(grey(610 + i)) for i, n in enumerate(names)}})
    assert len(run(NIH)) == 3 and reasons() == {"d.png": "not_in_table"}
    assert counts()["names_matched_otherwise"] == {"case": 1, "path": 1, "unicode": 1} and adds_up()
    assert "'images/d.png' has that file name" in listed("quarantine").detail.str.cat()
    assert "names of images in tables that differ from the files' in case, folders or Unicode form: 3;" in caplog.text


def test_cells_that_are_not_understood_are_unknown_and_counted_by_column_and_value(caplog):
    rows = [nih_row(f"{i}.png", patient=i, age=age) for i, age in enumerate(["60-65", "60-65", "58 Y"])]
    rows[2] = rows[2].replace(",F,PA,", ",O,AP Supine,")
    batch({"Data_Entry.csv": nih_table(*rows), **{f"images/{i}.png": png(grey(620 + i)) for i in range(3)}})
    table = run(NIH).sort_index()
    assert table.age.isna().tolist() == [True, True, False] and table.view.tolist() == ["PA", "PA", "AP"]
    assert counts()["not_understood"] == {
        "Patient Age": {"means": "age", "cells": 2, "values": {"60-65": 2}},
        "Patient Gender": {"means": "sex", "cells": 1, "values": {"O": 1}},
    }
    assert "cells that are not understood: Patient Age 2, Patient Gender 1; they are unknown" in caplog.text


def test_an_id_is_one_patient_in_every_batch_however_its_table_writes_it():
    ids = ["7", "7.0", "007", " 7 ", "7.00"]
    for number, patient in enumerate(ids, 1):
        image = {f"images/{number}.png": png(grey(630 + number))}
        batch({"Data_Entry.csv": nih_table(nih_row(f"{number}.png", patient=patient)), **image}, f"batch-{number:03d}")
    assert run(NIH).patient.nunique() == 1


def test_ids_that_a_spreadsheet_has_rounded_are_counted(caplog):
    batch({"Data_Entry.csv": nih_table(nih_row("a.png", patient="8.4E+36")), "images/a.png": SOUND})
    run(NIH)
    assert counts()["rounded_ids"] == {"Patient ID": 1} and "a spreadsheet had rounded them" in caplog.text


def test_rows_without_image_are_absent_and_counted():
    batch(
        {
            "Data_Entry.csv": nih_table(*(nih_row(f"{i}.png", "Unheard Of", i) for i in range(50)), nih_row("a.png")),
            "images/a.png": SOUND,
        }
    )
    run(NIH, max_quarantined_fraction=0.0)
    assert counts()["absent"] == len(listed("absent")) == 50 and adds_up()


def test_findings_that_are_no_labels_of_the_task_are_left_out():
    batch({"Data_Entry.csv": nih_table(nih_row("a.png", "Hernia|Mass")), "images/a.png": SOUND})
    row = run(NIH).iloc[0]
    assert (row.label_Mass, row.label_Effusion) == (1, 0)


# what is refused


def test_broken_images_of_an_nih_set_are_quarantined_by_name_and_the_rest_comes_in():
    rows = [nih_row(name, patient=index) for index, name in enumerate(BROKEN)]
    batch(
        {
            "Data_Entry.csv": nih_table(nih_row("good.png"), *rows),
            "images/good.png": SOUND,
            **{f"images/{name}": data for name, (data, _) in BROKEN.items()},
        }
    )
    assert run(NIH).index.tolist() == ["images/good.png"]
    assert reasons() == {name: reason for name, (_, reason) in BROKEN.items()} and adds_up()
    quarantine = listed("quarantine").set_index("source")
    assert quarantine.loc["images/a_text.jpg"].sha256 == files.sha256_file(
        Path("data/raw/made/batch-001/images/a_text.jpg")
    )
    assert quarantine.loc["images/cut.png"].row.startswith("Data_Entry.csv line ")


def test_broken_images_of_a_folder_set_are_quarantined_by_name_and_the_rest_comes_in():
    batch({"NORMAL/good.png": SOUND, **{f"NORMAL/{name}": data for name, (data, _) in BROKEN.items()}})
    assert run(FOLDER).index.tolist() == ["NORMAL/good.png"]
    assert reasons() == {name: reason for name, (_, reason) in BROKEN.items()} and adds_up()


def test_rows_that_make_no_sense_are_quarantined_with_a_reason():
    rows = {
        "unknown.png": nih_row("unknown.png", "Mass|Sparrow"),
        "both.png": nih_row("both.png", "No Finding|Mass"),
        "nobody.png": nih_row("nobody.png", patient=""),
        "short.png": "short.png",
        "nan.png": nih_row("nan.png", patient="NaN"),
        "none.png": nih_row("none.png", "nan"),
    }
    batch(
        {
            "Data_Entry.csv": nih_table(nih_row("good.png"), *rows.values()),
            **{f"images/{name}": png(grey(600 + i)) for i, name in enumerate(["good.png", *rows])},
        }
    )
    run(NIH)
    assert reasons() == {
        "unknown.png": "unknown_label",
        "both.png": "contradictory_labels",
        "nobody.png": "bad_row",
        "short.png": "bad_row",
        "nan.png": "bad_row",
        "none.png": "bad_row",
    }
    assert "Patient ID is 'NaN'" in listed("quarantine").detail.str.cat()
    assert "'Sparrow'" in listed("quarantine").detail.str.cat() and adds_up()


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "images/../x.png", "..", "a\\..\\b.png", "C:x.png"]
)
def test_a_table_cannot_point_outside_its_batch(name):
    batch({"Data_Entry.csv": nih_table(nih_row("good.png"), nih_row(name)), "images/good.png": SOUND})
    run(NIH)
    assert listed("quarantine").reason.tolist() == ["unsafe_path"] and adds_up()


def test_every_reason_is_explained_in_the_reference(root):
    text = (root / "docs/reference/files.md").read_text()
    assert [reason for reason in REASONS if f"| `{reason}` |" not in text] == []


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("a.png,Effusion, small,0,7,50,F,PA,1,2,3,4", "12 cells, but the header has 11"),
        ("a.png,Effusion,0,7,50,F,PA,1,2,3", "10 cells, but the header has 11"),
        ('a.png,"Effusion,0,7,50,F,PA,1,2,3,4', "a quote that opens on this line is not closed"),
    ],
)
def test_a_faulty_row_is_quarantined_with_its_line_and_its_image_and_costs_no_other(line, detail):
    table = nih_table(nih_row("good.png"), line, nih_row("b.png", '"Mass"'))
    batch(
        {"Data_Entry.csv": table, **{f"images/{n}.png": png(grey(640 + i)) for i, n in enumerate(["good", "a", "b"])}}
    )
    assert len(run(NIH)) == 2 and adds_up() and counts()["rows_in"] == 3
    (row,) = listed("quarantine").itertuples()
    assert (row.source, row.row, row.reason) == ("images/a.png", "Data_Entry.csv line 3", "bad_row")
    assert row.detail.startswith(detail)


def test_a_table_of_which_no_row_can_be_read_and_one_without_rows_are_refused():
    batch({"Data_Entry.csv": nih_table(nih_row("a.png") + ",1,2"), "images/a.png": SOUND})
    with pytest.raises(UserError, match=r"Data_Entry\.csv: 1 of 1 rows can't be read; line 2: 13 cells"):
        run(NIH)
    batch({"Data_Entry.csv": nih_table(), "images/a.png": SOUND})
    with pytest.raises(UserError, match=r"Data_Entry\.csv: has a header and no row below it"):
        run(NIH)


def test_files_that_no_row_names_are_quarantined():
    batch(
        {
            "Data_Entry.csv": nih_table(nih_row("a.png")),
            "images/a.png": SOUND,
            "images/b.png": png(grey(601)),
            "README.txt": "hello",
            "scan.raw": "no image",
            "more/a.png": png(grey(602)),
        }
    )
    run(NIH)
    assert reasons() == {"b.png": "not_in_table", "scan.raw": "not_an_image", "a.png": "ambiguous_name"} and adds_up()
    assert counts()["left_out"] == 1


def test_a_wrong_class_and_strays_of_a_folder_set_are_quarantined():
    batch({"NORMAL/a.png": SOUND, "ZEBRA/b.png": png(grey(603)), "c.png": png(grey(604)), "NORMAL/Thumbs.db": b"x"})
    run(FOLDER)
    assert reasons() == {"b.png": "unknown_label", "c.png": "no_class_folder", "Thumbs.db": "not_an_image"}
    assert adds_up()


def test_too_much_quarantined_stops_the_stage_and_leaves_the_list():
    batch({"NORMAL/a.png": SOUND, "NORMAL/b.png": b""})
    with pytest.raises(UserError, match=r"1 of 2 inputs .*\.max_quarantined_fraction \(0.4\).*\.runs/quarantine\.csv"):
        run(FOLDER, max_quarantined_fraction=0.4)
    assert "empty_file" in Path(".runs/quarantine.csv").read_text()
    assert not Path("data/manifest.parquet").exists()


def test_documents_beside_images_are_counted_and_no_rows():
    batch({"NORMAL/a.png": SOUND, "README.md": "x", "NORMAL/metadata.csv.gz": "x", "LICENSE": "x", "x.xlsx": "x"})
    run(FOLDER, max_quarantined_fraction=0.0)
    assert (counts()["rows_in"], counts()["left_out"]) == (1, 4) and adds_up()


def test_nothing_that_comes_in_stops_the_stage():
    batch({"Data_Entry.csv": nih_table(nih_row("a.png")), "scan.raw": "x"})
    with pytest.raises(UserError, match=r"no image of set made came in: 1 quarantined .* 1 rows"):
        run(NIH)


def test_a_batch_without_or_with_two_tables_is_refused_by_name():
    folder = batch({"images/a.png": SOUND})
    with pytest.raises(UserError, match=r"batch-001: has no Data_Entry"):
        run(NIH)
    batch({"Data_Entry_2017.csv": nih_table(), "Data_Entry_2017_v2020.csv": nih_table()})
    with pytest.raises(UserError, match="has 2 tables"):
        run(NIH)
    (folder / "Data_Entry_2017.csv").unlink()
    batch({"Data_Entry_2017_v2020.csv": "a,b\n1,2\n"})
    with pytest.raises(UserError, match=r"lacks the columns Image Index, Finding Labels, Patient ID"):
        run(NIH)
