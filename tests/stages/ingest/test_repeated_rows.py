"""Several rows of one table about one image: united, or refused by name; never does the first win."""

import pytest

from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import FOLDER, NIH, adds_up, batch, counts, listed, nih_row, nih_table, reasons, run

MULTICLASS = {**NIH, "task": "multiclass", "labels": ["Mass", "Effusion"]}
pytestmark = pytest.mark.usefixtures("here", "in_this_process")


def table_of(*rows: str, name: str = "batch-001", table: str = "Data_Entry.csv") -> None:
    """A batch of these rows, with images a and b."""
    images = {f"images/{each}.png": png(grey(800 + i)) for i, each in enumerate("ab")} if name == "batch-001" else {}
    batch({table: nih_table(nih_row("b.png", patient=9), *rows) if images else nih_table(*rows), **images}, name)


def test_findings_of_all_rows_hold_and_each_further_row_is_counted_as_merged():
    table_of(*(nih_row("a.png", finding) for finding in ("Mass", "Effusion", "Mass")))
    row = run(NIH).loc["images/a.png"]
    assert (row.label_Mass, row.label_Effusion) == (1, 1) and adds_up()
    assert counts()["merged_by_outcome"] == {"same": 1, "corrected": 0, "conflict": 0, "settled": 0, "united": 1}
    merged = listed("merged")
    assert merged.outcome.tolist() == ["united", "same"] and merged.row.str[-1].tolist() == ["4", "5"]
    assert merged.labels_of_row.tolist() == ["Effusion", "Mass"] and set(merged.labels_kept) == {"Mass|Effusion"}


def test_no_finding_beside_a_finding_is_a_conflict_and_the_finding_holds(caplog):
    table_of(nih_row("a.png", "No Finding"), nih_row("a.png", "Effusion"))
    assert run(NIH).loc["images/a.png"].label_Effusion == 1
    assert listed("merged").outcome.tolist() == ["conflict"] and adds_up()
    assert "rows that contradict another row of their table about the same image: 1;" in caplog.text


def test_what_else_differs_is_unknown_and_a_conflict_and_what_one_row_leaves_out_is_taken_from_another():
    first, second = nih_row("a.png", "Mass", age=""), nih_row("a.png", "Mass").replace(",F,PA,", ",M,PA,")
    table_of(first, second)
    row = run(NIH).loc["images/a.png"]
    assert (row.sex, row.view, row.age) == ("", "PA", 50) and listed("merged").outcome.tolist() == ["conflict"]


def test_rows_that_name_different_patients_are_refused():
    table_of(nih_row("a.png", "Mass", 7), nih_row("a.png", "Mass", 8))
    assert run(NIH).index.tolist() == ["images/b.png"] and adds_up()
    assert counts()["quarantined"] == {"repeated_rows": 2}
    assert "name different patients (Data_Entry.csv line 3, Data_Entry.csv line 4)" in listed("quarantine").detail[0]


def test_ids_that_are_one_patient_in_two_spellings_are_one():
    table_of(nih_row("a.png", "Mass", "007"), nih_row("a.png", "Mass", "7.0"))
    run(NIH)
    assert listed("merged").outcome.tolist() == ["same"]


def test_rows_that_name_different_classes_are_refused_where_an_image_has_one():
    rows = [nih_row("b.png", "Mass", 9), nih_row("a.png", "Mass"), nih_row("a.png", "Effusion")]
    batch({"Data_Entry.csv": nih_table(*rows), "images/a.png": png(grey(1)), "images/b.png": png(grey(2))})
    run(MULTICLASS)
    assert counts()["quarantined"] == {"repeated_rows": 2} and adds_up()


def test_an_image_of_which_one_row_cannot_be_read_does_not_come_in_by_the_others():
    table_of(nih_row("a.png", "Mass"), nih_row("a.png", "Effusion") + ",more")
    assert run(NIH).index.tolist() == ["images/b.png"] and adds_up()
    assert sorted(listed("quarantine").reason) == ["bad_row", "repeated_rows"]


def test_every_further_row_is_refused_where_that_is_asked_for():
    table_of(nih_row("a.png", "Mass"), nih_row("a.png", "Mass"))
    assert run(NIH, repeated_rows="refuse").index.tolist() == ["images/b.png"]
    assert reasons() == {"a.png": "repeated_rows"} and counts()["quarantined"] == {"repeated_rows": 2} and adds_up()


def test_rows_of_an_image_that_cannot_be_decoded_are_all_counted():
    table_of(nih_row("c.png", "Mass"), nih_row("c.png", "Effusion"))
    batch({"images/c.png": png(grey(3))[:-9]})
    run(NIH)
    assert counts()["quarantined"] == {"truncated": 2, "not_in_table": 1} and adds_up()


def test_a_later_table_about_the_same_image_corrects_and_settles():
    table_of(nih_row("a.png", "No Finding"), nih_row("a.png", "Effusion"))
    table_of(nih_row("a.png", "Mass"), nih_row("a.png", "Infiltration"), name="batch-002", table="Data_Entry_new.csv")
    row = run(NIH).loc["images/a.png"]
    assert (row.label_Mass, row.label_Infiltration, row.label_Effusion) == (1, 1, 0) and adds_up()
    assert counts()["merged_by_outcome"] == {"same": 0, "corrected": 1, "conflict": 0, "settled": 1, "united": 1}


def test_a_layout_without_table_has_no_repeated_rows():
    batch({"NORMAL/IM-0001.png": png(grey(5)), "PNEUMONIA/person1.png": png(grey(6))})
    assert len(run(FOLDER, repeated_rows="refuse")) == 2
