"""Scored images with feedback become a batch that waits for a retraining."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from cxr.core.errors import UserError
from cxr.params.preset import text
from cxr.params.schema import Ingest
from cxr.raw.batch import Batch
from cxr.raw.incoming import inspect
from cxr.raw.layouts.folder import Folder
from cxr.raw.layouts.nih import Nih
from serving.feedback import batch
from serving.feedback.command import main
from serving.log.labels import FeedbackRefused
from tests.fixtures import scored_place as made

LABELS = ["Effusion", "Mass"]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Four scored images, one of them of no known patient."""
    folder = tmp_path / "incoming"
    made.files(folder / "monday" / "images", range(4))
    rows = "".join(f'{n:04d}.png,"Mass|Hernia",{patient},F\n' for n, patient in enumerate(["7", "7", " ", "9"]))
    header = "Image Index,Finding Labels,Patient ID,Patient Gender\n"
    (folder / "monday" / "Data_Entry_pacs.csv").write_text(header + rows)
    return folder


SCORED = pd.DataFrame(
    {"image_id": [f"{n}" * 64 for n in range(4)], "source": [f"monday/images/{n:04d}.png" for n in range(4)]}
)


def known(*rows: tuple[float, float]) -> pd.DataFrame:
    """Feedback on the first studies."""
    return pd.DataFrame(list(rows), columns=LABELS, index=[f"{n}" * 64 for n in range(len(rows))])


def section(preset: str, **changes: object) -> Ingest:
    """The section `ingest` of a preset with changes."""
    return Ingest.model_validate(yaml.safe_load(text(ROOT / "presets" / f"{preset}.yaml"))["ingest"] | changes)


def nih(images: Path, out: Path, *rows: tuple[float, float]) -> batch.FeedbackBatch:
    """A batch of layout nih from feedback on the first studies."""
    return batch.make(SCORED, known(*rows), images, out, Nih(section("default")).writer(images))


def test_what_feedback_says_stands_in_the_batch_and_not_what_the_table_beside_the_images_says(images, tmp_path):
    out = tmp_path / "inbox" / "week-1"
    found = nih(images, out, (1, 1), (0, 0))
    assert found == batch.FeedbackBatch(2, {})
    table = pd.read_csv(out / "Data_Entry_feedback.csv", dtype=str)
    assert list(table["Finding Labels"]) == ["Effusion|Mass", "No Finding"]
    assert list(table["Patient ID"]) == ["7", "7"] and list(table["Patient Gender"]) == ["F", "F"]
    found = inspect(out)
    assert (found.layout, found.labelled, found.new) == ("nih", 2, 2)
    first = out / "images" / table["Image Index"][0]
    assert first.read_bytes() == (images / "monday/images/0000.png").read_bytes()


def test_studies_with_an_unknown_label_patient_or_file_are_left_out_and_counted(images, tmp_path):
    (images / "monday/images/0003.png").unlink()
    found = nih(images, tmp_path / "b", (1, 0), (np.nan, 1), (0, 1), (1, 1))
    assert found == batch.FeedbackBatch(1, {"a label is unknown": 1, "no patient is known": 1, "not in the folder": 1})
    with pytest.raises(FeedbackRefused, match="stands already"):
        nih(images, tmp_path / "b", (1, 0))


def test_where_none_is_left_nothing_is_written(images, tmp_path):
    with pytest.raises(
        FeedbackRefused,
        match=r"no study for a batch: of 1 with feedback, 1 left out "
        r"\(a label is unknown\)",
    ):
        nih(images, tmp_path / "b", (np.nan, 1))
    (images / "monday" / "Data_Entry_pacs.csv").write_text("Image Index,Finding Labels\n0000.png,Mass\n")
    with pytest.raises(UserError, match=r"Data_Entry_pacs.csv: its first line lacks the columns Patient ID"):
        nih(images, tmp_path / "b", (1, 1))
    assert not (tmp_path / "b").exists()


def test_in_layout_folder_a_study_goes_into_its_class_under_its_own_name(tmp_path):
    names = [
        "monday/person7_virus_1.jpeg",
        "tuesday/person7_virus_1.jpeg",
        "monday/IM-0009-0001.jpeg",
        "monday/nobody.jpeg",
    ]
    for number, name in enumerate(names):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(bytes([number]))
    scored = SCORED.assign(source=names)
    told = pd.DataFrame({"PNEUMONIA": [1.0, 1.0, 0.0, 1.0]}, index=scored["image_id"])
    found = batch.make(scored, told, tmp_path / "in", tmp_path / "out", Folder(section("kermany")).writer(tmp_path))
    assert found == batch.FeedbackBatch(3, {"no patient is known": 1})
    rows = Folder(section("kermany")).read(Batch(tmp_path / "out"), []).records
    assert sorted((row.findings[0], row.patient) for row in rows) == [
        ("NORMAL", "IM-0009"),
        ("PNEUMONIA", "person7"),
        ("PNEUMONIA", "person7"),
    ]
    assert {(tmp_path / "out" / row.image[1]).read_bytes() for row in rows} == {b"\0", b"\1", b"\2"}
    assert (inspect(tmp_path / "out").layout, inspect(tmp_path / "out").labelled) == ("folder", 3)


def test_in_layout_folder_a_study_of_several_classes_or_none_is_left_out_and_counted(images, tmp_path):
    classes = section(
        "kermany", task="multiclass", labels=LABELS, negative=None, patient_pattern=None, one_patient_per="file_name"
    )
    found = batch.make(SCORED, known((1, 1), (0, 0), (0, 1)), images, tmp_path / "out", Folder(classes).writer(images))
    assert found == batch.FeedbackBatch(1, {"not exactly one class": 2})
    assert [path.parent.parent.name for path in (tmp_path / "out").rglob("*.png")] == ["Mass"]


def test_the_command_refuses_in_one_line_what_can_be_no_batch(tmp_path, root, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["batch", "../elsewhere"]) == 1 and "can't be a batch's name" in capsys.readouterr().err
    (tmp_path / "params.yaml").write_text(text(root / "presets" / "kermany.yaml"))
    assert main(["batch", "week-1"]) == 1 and "no study for a batch: of 0 with feedback" in capsys.readouterr().err
