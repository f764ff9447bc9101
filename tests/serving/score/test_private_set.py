"""Scoring a private set: no name of a file goes into the log, a page or a line, and feedback still finds the files."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cxr.core.files import sha256_file
from cxr.model import model_folder
from cxr.raw import private_names
from serving.feedback.command import main as feedback
from serving.log import quarantine, scoring_log
from serving.registry import releases
from serving.score.command import main
from tests.fixtures import made_images
from tests.fixtures import scored_place as made

LOG = Path("production/log")
SECRETS = ("Mueller", "Anna", "PAT-", "MUELLER")
TABLE = "Image Index,Patient ID,View Position\nMueller_0.png,PAT-1,MUELLER\nMueller_1.png,PAT-2,AP\n"


@pytest.fixture
def private(place):
    """The project with a private set, and files to score whose names give patients away, sound ones and others."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["ingest"] |= {"public": False, "salt_fingerprint": "0123456789ab"}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    for number, path in enumerate(made.files(place / "in" / "Anna", range(3))):
        path.rename(path.with_name(f"Mueller_{number}.png"))
    (place / "in" / "Data_Entry_Mueller.csv").write_text(TABLE)
    for name, (data, _) in made_images.BROKEN.items():
        (place / "in" / f"Mueller_{name}").write_bytes(data)
    (place / "in" / "Mueller_big.png").write_bytes(bytes((1 << 20) + 1))
    (place / "in" / "Mueller_link.png").symlink_to(place / "params.yaml")
    (place / "in" / "Mueller_link_2.png").symlink_to(place / "params.yaml")
    (place / "in" / "Mueller_pack.tar").write_bytes(b"Mueller")
    return place


def left_behind():
    """All that scoring left, but for the folder of names, as text."""
    texts = [path.read_bytes().decode("latin-1") for top in (".cache", ".runs", "production") for path in files(top)]
    return "\n".join([*texts, scoring_log.read(LOG).to_csv()])


def files(top):
    """The files below a folder but the folder of names and the releases."""
    paths = (path for path in sorted(Path(top).rglob("*")) if path.is_file())
    return [path for path in paths if "names" not in path.parts and "releases" not in path.parts]


@pytest.mark.parametrize("turns", [1, 2])
def test_no_name_goes_into_log_quarantine_page_or_console(private, in_this_process, capsys, turns):
    for _ in range(turns):
        assert main(["in", "--page", "page.md"]) == 0
    said = left_behind() + "".join(capsys.readouterr()) + Path("page.md").read_text()
    assert [secret for secret in SECRETS if secret in said] == []
    table = scoring_log.read(LOG)
    stand_ins = {f"{sha256_file(path)}.png" for path in Path("in/Anna").iterdir()}
    assert set(table["source"]) == stand_ins and sorted(table["view"]) == ["", "", "AP"]
    rows = pd.DataFrame(quarantine.read(LOG))
    assert len(rows) == len(made_images.BROKEN) + 4 and rows["path"].is_unique
    assert sorted(rows["path"].str.len().unique()) == [16, 68] or rows["path"].str.len().min() == 16
    assert rows.set_index("reason").loc["archive"].detail == ""


def test_what_was_refused_and_scored_is_found_by_what_the_log_says(private, in_this_process):
    assert main(["in"]) == 0 and main(["in"]) == 0
    for row in quarantine.read(LOG):
        (found,) = private_names.find(row["path"].partition(".")[0])
        assert found.name.startswith("Mueller_") and found.outcome == row["reason"]
    for row in scoring_log.read(LOG).itertuples():
        (found,) = private_names.find(row.image_id)
        assert found.name.startswith("Anna/Mueller_") and sha256_file(Path("in") / found.name) == found.sha256


def test_a_model_of_a_private_set_keeps_names_back_whatever_params_say(private, in_this_process):
    shutil.copy(Path(__file__).resolve().parents[3] / "params.yaml", "params.yaml")
    model = model_folder.read_card(releases.current(Path("production")).folder).model_copy(update={"public": False})
    scaled = made.model(Path("secret"))
    model_folder.write(
        Path("secret2"), spec={}, weights=[], card=model, tflite=(scaled / model_folder.TFLITE).read_bytes()
    )
    releases.install(Path("production"), Path("secret2"), "v2", "", None)
    assert main(["in"]) == 0
    assert "Mueller" not in left_behind()


def test_an_error_within_names_no_file(private, in_this_process, monkeypatch, capsys):
    from serving.score import run

    def broken(folder, most):
        raise OSError(5, "Input/output error", str(folder / "Anna/Mueller_0.png"))

    monkeypatch.setattr(run, "find", broken)
    assert main(["in"]) == 1
    said = capsys.readouterr().err
    assert "Input/output error" in said and ".runs/names/score.txt" in said and "Mueller" not in said


def test_feedback_comes_in_by_image_id_and_by_the_files_own_name(private, in_this_process, capsys):
    assert main(["in"]) == 0
    ids = scoring_log.read(LOG)["image_id"]
    Path("by_id.csv").write_text(f"image_id,Mass\n{ids[0]},1\n")
    Path("by_name.csv").write_text("source,Mass\nAnna/Mueller_1.png,0\n")
    assert feedback(["add", "by_id.csv"]) == 0 and feedback(["add", "by_name.csv"]) == 0
    assert not [path for path in Path("production/feedback").iterdir() if b"Mueller" in path.read_bytes()]
    shutil.rmtree(private_names.FOLDER)
    capsys.readouterr()
    assert feedback(["add", "by_name.csv"]) == 1
    assert "name it by image_id" in capsys.readouterr().err


@pytest.mark.parametrize("names_are_there", [True, False])
def test_a_batch_of_feedback_finds_the_images_by_their_names_else_by_their_bytes(
    private, in_this_process, names_are_there
):
    assert main(["in"]) == 0
    ids = scoring_log.read(LOG)["image_id"]
    Path("told.csv").write_text("".join(["image_id,Effusion,Mass,Nodule\n", *(f"{each},1,0,0\n" for each in ids)]))
    assert feedback(["add", "told.csv"]) == 0
    if not names_are_there:
        shutil.rmtree(private_names.FOLDER)
    assert feedback(["batch", "week-1", "--images", "in"]) == 0
    table = pd.read_csv("production/inbox/week-1/Data_Entry_feedback.csv", dtype=str)
    assert sorted(table["Patient ID"]) == ["PAT-1", "PAT-2"]
    wanted = {path.read_bytes() for path in Path("in/Anna").iterdir()}
    assert {path.read_bytes() for path in Path("production/inbox/week-1/images").iterdir()} <= wanted


def test_a_public_set_is_logged_by_name_and_leaves_no_folder_of_names(place, in_this_process):
    made.files(place / "in", range(2))
    assert main(["in"]) == 0
    assert list(scoring_log.read(LOG)["source"]) == ["0000.png", "0001.png"]
    assert not private_names.FOLDER.exists()
