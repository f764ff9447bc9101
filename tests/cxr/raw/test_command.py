"""What `cxr batch` says of a private set: everything to whoever owns the folder, no name where others read it."""

from pathlib import Path

import pytest
import yaml

from cxr.raw.command import main
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import nih_row, nih_table, put

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def private(here):
    """A project of a private set, and a folder whose table names a file in a path."""
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["ingest"] |= {"public": False, "salt_fingerprint": "0123456789ab"}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    put(Path("in"), {"Data_Entry.csv": nih_table(nih_row("Mueller.png")), "images/Mueller.png": png(grey(1))})
    Path("in/images/Mueller_2.png").symlink_to("Mueller.png")


@pytest.mark.parametrize("word", [["look"], ["add", "--set", "made"]])
@pytest.mark.parametrize("logged", [True, False])
@pytest.mark.usefixtures("private")
def test_a_refusal_names_the_file_on_the_console_and_not_in_a_log(word, logged, monkeypatch, capsys):
    if logged:
        monkeypatch.setenv("CXR_LOGGED", "1")
    assert main([*word, "--from", "in"]) == 1
    said = "".join(capsys.readouterr())
    assert ("Mueller_2" in said) is not logged
    assert (".runs/names/batch.txt" in said) is logged
    if logged:
        assert "Mueller_2" in Path(".runs/names/batch.txt").read_text()
