"""`make repro` says what to do where the data that params.yaml names are not there."""
import pytest

from flows.repro import missing_set


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "data/raw/dvc.yaml").write_text("stages: {phantom: {}}\n")
    (tmp_path / "params.yaml").write_text("ingest: {set: kermany}\n")
    return tmp_path


def test_a_set_that_nobody_added_is_named_with_the_command_that_adds_it(folder):
    assert "data/raw/kermany" in missing_set(folder)
    assert "make add-batch SET=kermany FROM=" in missing_set(folder)


def test_a_set_that_dvc_knows_is_to_be_pulled(folder):
    (folder / "data/raw/kermany.dvc").touch()
    assert "dvc pull data/raw/kermany.dvc" in missing_set(folder)


def test_nothing_is_said_of_a_set_that_is_there_or_that_a_stage_makes(folder):
    (folder / "data/raw/kermany").mkdir()
    assert missing_set(folder) == ""
    (folder / "params.yaml").write_text("ingest: {set: phantom}\n")
    assert missing_set(folder) == ""
    for text in ("ingest: [", "ingest: {set: ../../etc}"):
        (folder / "params.yaml").write_text(text)
        assert missing_set(folder) == ""
