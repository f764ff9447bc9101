"""Tests of what rows of tables come to before any image is opened, as the door and ingest both ask."""

from pathlib import Path

from cxr.raw.batch import Batch
from cxr.raw.door import look_at
from cxr.raw.labels import Coding
from cxr.raw.layouts.registry import layout_for
from cxr.raw.rows import encode_labels, files_without_row
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import NIH, nih_row, nih_table, params, put

MIXED = {
    "Data_Entry_2017.csv": nih_table(
        nih_row("a.png", "Mass"), nih_row("b.png", "Nonsense", 2), nih_row("gone.png", "Mass", 3)
    ),
    "images/a.png": png(grey(40)),
    "images/b.png": png(grey(41)),
    "images/no_row.png": png(grey(42)),
    "images/list.bin": b"no image",
}


def test_the_door_refuses_the_rows_and_files_that_ingest_sorts_out(tmp_path: Path) -> None:
    section = params(NIH).ingest
    folder = put(tmp_path / "in", MIXED)
    look = look_at(folder, "made", section)
    batch = Batch(folder, "the new batch", look.names)
    claims = layout_for(section).read(batch, [])
    labelled, faults, absent = encode_labels([claims], Coding.of(section, claims.known_findings))
    strays = files_without_row([batch], [claims])
    assert [record.name for record, _ in labelled] == ["a.png"]
    assert [row.name for row in absent] == ["gone.png"]
    assert look.quarantined == faults + strays
    assert sorted((fault.name, fault.reason) for fault in look.quarantined) == [
        ("b.png", "unknown_label"),
        ("images/list.bin", "not_an_image"),
        ("images/no_row.png", "not_in_table"),
    ]
    assert (look.rows, look.absent) == (claims.rows + len(strays), 1)


def test_without_a_coding_no_word_is_an_unknown_label(tmp_path: Path) -> None:
    section = params(NIH).ingest
    folder = put(tmp_path / "in", MIXED)
    claims = layout_for(section).read(Batch(folder, "batch-001", sorted(MIXED)), [])
    labelled, faults, _ = encode_labels([claims], None)
    assert [(record.name, vector) for record, vector in labelled] == [("a.png", ()), ("b.png", ())]
    assert faults == []
