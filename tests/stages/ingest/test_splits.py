"""The stage ingest: what the same pixels do, who goes into which split, under which key."""

import pytest

from cxr.core.errors import UserError
from cxr.params.schema import Split
from stages.ingest import patients
from stages.ingest.splits import in_gate, split_of
from tests.fixtures.made_images import grey, jpeg, png
from tests.fixtures.made_sets import (
    FOLDER,
    NIH,
    adds_up,
    batch,
    counts,
    folder_files,
    listed,
    nih_files,
    nih_row,
    nih_table,
    run,
)

SOUND = png(grey(500))
pytestmark = pytest.mark.usefixtures("here", "in_this_process")


# the same pixels


def test_the_same_pixels_in_other_files_are_one_image():
    rgba = png(grey(500)[:, :, None].repeat(3, axis=2))
    batch({"NORMAL/a.png": SOUND, "NORMAL/b.png": SOUND, "NORMAL/c.png": rgba})
    assert run(FOLDER).index.tolist() == ["NORMAL/a.png"]
    merged = listed("merged")
    assert merged.source.tolist() == ["NORMAL/b.png", "NORMAL/c.png"] and set(merged.outcome) == {"same"}
    assert set(merged.kept_source) == {"NORMAL/a.png"} and adds_up()


def test_conflicting_labels_within_a_batch_keep_the_first_and_are_said():
    batch({"NORMAL/a.png": SOUND, "PNEUMONIA/a.png": SOUND})
    assert run(FOLDER).label_PNEUMONIA.tolist() == [0]
    row = listed("merged").iloc[0]
    assert (row.outcome, row.labels_of_row, row.labels_kept) == ("conflict", "PNEUMONIA", "")


def test_a_later_batch_corrects_labels_and_nothing_is_decoded_again():
    batch({"NORMAL/a.png": SOUND, "PNEUMONIA/b.png": png(grey(501))})
    run(FOLDER)
    batch({"PNEUMONIA/a.png": SOUND}, "batch-002")
    table = run(FOLDER)
    assert table.loc["NORMAL/a.png"].label_PNEUMONIA == 1 and table.loc["NORMAL/a.png"].batch == "batch-001"
    row = listed("merged").iloc[0]
    assert (row.outcome, row.batch, row.labels_kept) == ("corrected", "batch-002", "PNEUMONIA") and adds_up()


def test_a_later_table_alone_corrects_labels_of_images_that_came_before():
    batch(nih_files(1))
    batch({"Data_Entry.csv": nih_table(nih_row("00000001_000.png", "Effusion", 1)), "note.png": SOUND}, "batch-002")
    row = run(NIH).loc["images_001/images/00000001_000.png"]
    assert (row.label_Mass, row.label_Effusion) == (0, 1) and adds_up()


def test_batch_1000_is_later_than_batch_999():
    batch({"NORMAL/a.png": SOUND}, "batch-999")
    batch({"PNEUMONIA/a.png": SOUND}, "batch-1000")
    assert run(FOLDER).label_PNEUMONIA.tolist() == [1]


# patients and splits


def test_patients_are_hashed_and_a_prefix_tells_them_apart():
    batch(folder_files())
    table = run(FOLDER)
    assert table.patient.nunique() == 6  # IM-0001, NORMAL2-IM-0001, IM-0002, IM-0003, person1, person7
    assert table.patient.str.fullmatch("[0-9a-f]{16}").all() and "person" not in table.to_csv(index=False)
    assert (
        table.loc["test/PNEUMONIA/person1_virus_1.png"].patient
        == table.loc["train/PNEUMONIA/person1_bacteria_2.png"].patient
    )


def test_another_salt_than_the_recorded_one_is_refused(monkeypatch):
    batch(folder_files())
    monkeypatch.setenv("CXR_PATIENT_SALT", "another")
    with pytest.raises(UserError, match="salt_fingerprint is 01bfe63055bb, but the salt in CXR_PATIENT_SALT"):
        run(FOLDER)


def test_the_same_patient_has_another_key_in_another_set_or_with_another_salt():
    assert len({patients.key("s", "a", "1"), patients.key("s", "b", "1"), patients.key("t", "a", "1")}) == 3


def test_adding_patients_moves_nobody():
    batch(nih_files(20))
    before = run(NIH)
    batch(nih_files(20, first=21), "batch-002")
    after = run(NIH)
    assert len(after) == 80
    assert after.loc[before.index, ["split", "gate", "patient"]].equals(before[["split", "gate", "patient"]])


def test_no_patient_is_in_two_splits_and_the_ratio_holds():
    rule = Split()
    keys = [patients.key("s", "a", str(i)) for i in range(5000)]
    where = [split_of(rule, key, "", frozenset()) for key in keys]
    for split, share in (("train", 0.7), ("validation", 0.2), ("test", 0.1)):
        assert where.count(split) / 5000 == pytest.approx(share, abs=0.02)
    gate = [in_gate(rule, key) for key, split in zip(keys, where, strict=True) if split == "validation"]
    assert sum(gate) / len(gate) == pytest.approx(0.2, abs=0.05)


def test_official_folders_decide_and_validation_is_cut_from_train_by_patient():
    batch(folder_files())
    table = run(FOLDER, split={"rule": "official", "ratio": {"train": 1.0, "validation": 0.0, "test": 0.0}})
    assert set(table[table.index.str.startswith("test/")].split) == {"test"}
    assert table.loc["val/NORMAL/IM-0002-0001.png"].split == "validation"
    assert table.loc["train/NORMAL/IM-0002-0002.png"].split == "validation"  # the same patient
    assert table.loc["train/PNEUMONIA/person1_bacteria_2.png"].split == "train"  # validate counts the overlap
    table = run(FOLDER, split={"rule": "official", "ratio": {"train": 0.0, "validation": 1.0, "test": 0.0}})
    assert set(table.split) == {"validation", "test"}


def test_an_image_of_the_official_test_is_not_trained_on_in_another_file():
    batch({"train/NORMAL/a.png": SOUND, "test/NORMAL/z.png": SOUND, "train/PNEUMONIA/b.png": png(grey(503))})
    table = run(FOLDER, split={"rule": "official"})
    assert table[table.sha256 == table.loc["test/NORMAL/z.png"].sha256].split.tolist() == ["test"]


def test_official_lists_decide():
    batch(nih_files(4) | {"test_list.txt": "00000001_000.png\n00000001_001.png\n", "train_val_list.txt": "x.png\n"})
    table = run(NIH, split={"rule": "official"})
    assert sorted(table[table.split == "test"].index) == [
        "images_001/images/00000001_000.png",
        "images_001/images/00000001_001.png",
    ]


def test_entries_for_test_with_folders_are_matched_by_file_name():
    lists = {"test_list.txt": "images/00000001_000.png\nTEST/00000001_001.PNG\n"}
    batch(nih_files(4) | lists)
    table = run(NIH, split={"rule": "official"})
    assert len(table[table.split == "test"]) == 2 and counts()["official_lists"] == {"entries": 2, "unmatched": 0}


def test_an_entry_for_test_that_names_nothing_stops_the_split_while_images_stand_in_no_list():
    files = nih_files(2) | {"test_list.txt": "00000001_000.png\n00000001_001\n"}
    batch(files)
    with pytest.raises(
        UserError, match=r"1 entries for test .* \(the first: test_list\.txt line 2\) .* 3 images stand in no"
    ):
        run(NIH, split={"rule": "official"})
    rest = "00000001_001.png\n00000002_000.png\n00000002_001.png\n"
    batch(files | {"train_val_list.txt": rest})
    assert run(NIH, split={"rule": "official"}).split.tolist().count("test") == 1
    assert counts()["official_lists"] == {"entries": 5, "unmatched": 1}


def test_an_entry_of_an_absent_image_is_matched_by_its_row():
    table = nih_table(nih_row("a.png"), nih_row("gone.png", patient=2), nih_row("b.png", patient=3))
    images = {f"images/{name}.png": png(grey(750 + i)) for i, name in enumerate("ab")}
    batch({"Data_Entry.csv": table, "test_list.txt": "a.png\ngone.png\n", **images})
    assert run(NIH, split={"rule": "official"}).loc["images/a.png"].split == "test"


def test_a_list_holds_for_images_that_come_in_a_later_batch():
    later = {"Data_Entry.csv": nih_table(nih_row("late.png", patient=9)), "images/late.png": png(grey(760))}
    batch(nih_files(1) | {"test_list.txt": "00000001_000.png\nlate.png\n"})
    batch(later, "batch-002")
    assert run(NIH, split={"rule": "official"}).loc["images/late.png"].split == "test"


def test_the_official_rule_needs_lists_or_folders():
    batch(nih_files(1))
    with pytest.raises(UserError, match=r"ingest\.split\.rule is official, but no batch"):
        run(NIH, split={"rule": "official"})


def test_multiclass_labels_are_one_hot():
    batch({f"{name}/{name}.png": png(grey(700 + i)) for i, name in enumerate(["a", "b", "c"])})
    table = run(
        {
            "set": "made",
            "layout": "folder",
            "task": "multiclass",
            "labels": ["c", "b", "a"],
            "one_patient_per": "file_name",
        }
    )
    assert table.loc["a/a.png", ["label_c", "label_b", "label_a"]].tolist() == [0, 0, 1]


def test_colour_and_jpeg_come_in():
    colour = grey(800)[:, :, None].repeat(3, axis=2).copy()
    colour[:, :, 1] //= 2
    batch({"NORMAL/a.jpeg": jpeg(grey(801)), "PNEUMONIA/b.PNG": png(colour)})
    assert len(run(FOLDER)) == 2
