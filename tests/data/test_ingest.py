"""The stage ingest: what comes in, what is refused, what the same pixels do, who goes where."""
import gzip
import math

import pytest
from made_images import BROKEN, grey, jpeg, png
from made_sets import BOX_HEADER, FOLDER, NIH, batch, folder_files, listed, nih_files, nih_row, nih_table, reasons, run

from stages import artifacts
from stages.entry import StageError
from stages.ingest import facts, nih, patients
from stages.ingest.splits import in_gate, split_of
from stages.params.schema import Split

SOUND = png(grey(500))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working folder of its own, decoding in this process: starting others costs seconds."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(facts, "spread", lambda function, items, processes: enumerate(map(function, items)))


def counts():
    return artifacts.read_json(artifacts.Path("data/ingest.json"))


def adds_up():
    made = counts()
    parts = made["manifest"] + sum(made["quarantined"].values()) + made["merged"] + made["absent"]
    return parts == made["rows_in"]


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
    old = ",".join(["Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position",
                    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"])
    batch({"Data_Entry_2017.csv": nih_table(nih_row("a.png", "Mass", 7, "058Y") + ",", head=old), "images/a.png": SOUND})
    first = run(NIH)
    batch({"Data_Entry_2017_v2020.csv.gz": gzip.compress(nih_table(nih_row("a.png", "Mass", "00000007", "58")).encode()),
           "images/a.png": SOUND}, folder=artifacts.Path("data/raw/other"))
    second = run(NIH | {"set": "other"})
    assert first.age.tolist() == second.age.tolist() == [58]
    assert first.label_Mass.tolist() == second.label_Mass.tolist() == [1]


@pytest.mark.parametrize(("text", "years"), [("57", 57), ("058Y", 58), ("006M", 0.5), ("000D", 0), (" 12 ", 12)])
def test_ages_come_in_years(text, years):
    assert nih.age_in_years(text) == pytest.approx(years)


@pytest.mark.parametrize("text", ["", "nan", "NaN", "-3", "411", "inf", "1e3", "twelve"])
def test_absurd_ages_are_unknown(text):
    assert math.isnan(nih.age_in_years(text))


def test_boxes_are_read_by_position_and_infiltrate_is_infiltration():
    lines = [BOX_HEADER, "00000001_000.png,Infiltrate,1.5,2,3,4", "elsewhere.png,Mass,1,2,3,4"]
    batch(nih_files(1) | {"BBox_List_2017.csv": "\n".join(lines)})
    table = run(NIH)
    assert table.loc["images_001/images/00000001_000.png"].boxes == (
        '[{"h": 4.0, "label": "Infiltration", "w": 3.0, "x": 1.5, "y": 2.0}]')
    assert (counts()["boxes"], counts()["boxes_of_other_images"]) == (1, 1)


def test_rows_without_image_are_absent_and_counted():
    batch({"Data_Entry.csv": nih_table(*(nih_row(f"{i}.png", "Unheard Of", i) for i in range(50)),
                                       nih_row("a.png")), "images/a.png": SOUND})
    run(NIH, max_quarantined_fraction=0.0)
    assert counts()["absent"] == len(listed("absent")) == 50 and adds_up()


def test_findings_that_are_no_labels_of_the_task_are_left_out():
    batch({"Data_Entry.csv": nih_table(nih_row("a.png", "Hernia|Mass")), "images/a.png": SOUND})
    row = run(NIH).iloc[0]
    assert (row.label_Mass, row.label_Effusion) == (1, 0)


# what is refused

def test_broken_images_of_an_nih_set_are_quarantined_by_name_and_the_rest_comes_in():
    rows = [nih_row(name, patient=index) for index, name in enumerate(BROKEN)]
    batch({"Data_Entry.csv": nih_table(nih_row("good.png"), *rows), "images/good.png": SOUND,
           **{f"images/{name}": data for name, (data, _) in BROKEN.items()}})
    assert run(NIH).index.tolist() == ["images/good.png"]
    assert reasons() == {name: reason for name, (_, reason) in BROKEN.items()} and adds_up()
    quarantine = listed("quarantine").set_index("source")
    assert quarantine.loc["images/a_text.jpg"].sha256 == artifacts.sha256_file(
        artifacts.Path("data/raw/made/batch-001/images/a_text.jpg"))
    assert quarantine.loc["images/cut.png"].row.startswith("Data_Entry.csv line ")


def test_broken_images_of_a_folder_set_are_quarantined_by_name_and_the_rest_comes_in():
    batch({"NORMAL/good.png": SOUND, **{f"NORMAL/{name}": data for name, (data, _) in BROKEN.items()}})
    assert run(FOLDER).index.tolist() == ["NORMAL/good.png"]
    assert reasons() == {name: reason for name, (_, reason) in BROKEN.items()} and adds_up()


def test_rows_that_make_no_sense_are_quarantined_with_a_reason():
    rows = {"unknown.png": nih_row("unknown.png", "Mass|Sparrow"), "both.png": nih_row("both.png", "No Finding|Mass"),
            "nobody.png": nih_row("nobody.png", patient=""), "short.png": "short.png"}
    batch({"Data_Entry.csv": nih_table(nih_row("good.png"), *rows.values()),
           **{f"images/{name}": png(grey(600 + i)) for i, name in enumerate(["good.png", *rows])}})
    run(NIH)
    assert reasons() == {"unknown.png": "unknown_label", "both.png": "contradictory_labels", "nobody.png": "bad_row",
                         "short.png": "bad_row"}
    assert "'Sparrow'" in listed("quarantine").detail.str.cat() and adds_up()


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "images/../x.png", "..", "a\\b.png", "C:x.png"])
def test_a_table_cannot_point_outside_its_batch(name):
    batch({"Data_Entry.csv": nih_table(nih_row("good.png"), nih_row(name)), "images/good.png": SOUND})
    run(NIH)
    assert listed("quarantine").reason.tolist() == ["unsafe_path"] and adds_up()


def test_files_that_no_row_names_are_quarantined():
    batch({"Data_Entry.csv": nih_table(nih_row("a.png")), "images/a.png": SOUND, "images/b.png": png(grey(601)),
           "README.txt": "hello", "more/a.png": png(grey(602))})
    run(NIH)
    assert reasons() == {"b.png": "not_in_table", "README.txt": "not_an_image", "a.png": "ambiguous_name"} and adds_up()


def test_a_wrong_class_and_strays_of_a_folder_set_are_quarantined():
    batch({"NORMAL/a.png": SOUND, "ZEBRA/b.png": png(grey(603)), "c.png": png(grey(604)), "NORMAL/Thumbs.db": b"x"})
    run(FOLDER)
    assert reasons() == {"b.png": "unknown_label", "c.png": "no_class_folder", "Thumbs.db": "not_an_image"}
    assert adds_up()


def test_too_much_quarantined_stops_the_stage_and_leaves_the_list():
    batch({"NORMAL/a.png": SOUND, "NORMAL/b.png": b""})
    with pytest.raises(StageError, match=r"1 of 2 inputs .*\.max_quarantined_fraction \(0.4\).*\.runs/quarantine\.csv"):
        run(FOLDER, max_quarantined_fraction=0.4)
    assert "empty_file" in artifacts.Path(".runs/quarantine.csv").read_text()
    assert not artifacts.Path("data/manifest.parquet").exists()


def test_nothing_that_comes_in_stops_the_stage():
    batch({"Data_Entry.csv": nih_table(nih_row("a.png")), "README.txt": "x"})
    with pytest.raises(StageError, match=r"no image of set made came in: 1 quarantined .* 1 rows"):
        run(NIH)


def test_a_batch_without_or_with_two_tables_is_refused_by_name():
    folder = batch({"images/a.png": SOUND})
    with pytest.raises(StageError, match=r"batch-001: has no Data_Entry"):
        run(NIH)
    batch({"Data_Entry_2017.csv": nih_table(), "Data_Entry_2017_v2020.csv": nih_table()})
    with pytest.raises(StageError, match="has 2 tables"):
        run(NIH)
    (folder / "Data_Entry_2017.csv").unlink()
    batch({"Data_Entry_2017_v2020.csv": "a,b\n1,2\n"})
    with pytest.raises(StageError, match=r"lacks the columns Image Index, Finding Labels, Patient ID"):
        run(NIH)


@pytest.mark.parametrize("cells", ["x,1,2,3", "1,2,3", "nan,1,2,3", "1,1,0,3"])
def test_a_wrong_box_is_named_with_its_line(cells):
    batch(nih_files(1) | {"BBox_List_2017.csv": f"{BOX_HEADER}\n00000001_000.png,Mass,{cells}\n"})
    with pytest.raises(StageError, match="BBox_List_2017.csv line 2"):
        run(NIH)


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
    assert (table.loc["test/PNEUMONIA/person1_virus_1.png"].patient
            == table.loc["train/PNEUMONIA/person1_bacteria_2.png"].patient)


def test_a_name_that_the_pattern_does_not_fit_is_its_own_patient():
    batch({"NORMAL/x.png": SOUND, "PNEUMONIA/y.png": png(grey(502))})
    assert run(FOLDER).patient.nunique() == 2


def test_another_salt_than_the_recorded_one_is_refused(monkeypatch):
    batch(folder_files())
    monkeypatch.setenv("CXR_PATIENT_SALT", "another")
    with pytest.raises(StageError, match="salt_fingerprint is 01bfe63055bb, but the salt in CXR_PATIENT_SALT"):
        run(FOLDER)


def test_the_same_patient_has_another_key_in_another_set_or_with_another_salt():
    assert len({patients.key("s", "a", "1"), patients.key("s", "b", "1"), patients.key("t", "a", "1")}) == 3


def test_a_patient_pattern_that_is_none_is_named():
    batch(folder_files())
    for pattern, why in (("(", "patient_pattern"), ("person", "no group")):
        with pytest.raises(StageError, match=why):
            run(FOLDER, patient_pattern=pattern)


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
    assert table[table.split == "test"].index.tolist() == [
        "images_001/images/00000001_000.png", "images_001/images/00000001_001.png"]


def test_the_official_rule_needs_lists_or_folders():
    batch(nih_files(1))
    with pytest.raises(StageError, match="ingest.split.rule is official, but no batch"):
        run(NIH, split={"rule": "official"})


def test_multiclass_labels_are_one_hot():
    batch({f"{name}/{name}.png": png(grey(700 + i)) for i, name in enumerate(["a", "b", "c"])})
    table = run({"set": "made", "layout": "folder", "task": "multiclass", "labels": ["c", "b", "a"]})
    assert table.loc["a/a.png", ["label_c", "label_b", "label_a"]].tolist() == [0, 0, 1]


def test_colour_and_jpeg_come_in():
    colour = grey(800)[:, :, None].repeat(3, axis=2).copy()
    colour[:, :, 1] //= 2
    batch({"NORMAL/a.jpeg": jpeg(grey(801)), "PNEUMONIA/b.PNG": png(colour)})
    assert len(run(FOLDER)) == 2
