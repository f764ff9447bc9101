"""Names of a private set: kept in a folder of their owner's, found by what outputs say, out of every message."""

import hashlib
import logging
import stat

import pytest

from cxr.core.errors import HashMismatch, UserError
from cxr.raw import private_names
from cxr.raw.private_names import PrivateName, Withheld
from tests.fixtures.made_sets import batch

SHA = "ab" * 32
pytestmark = pytest.mark.usefixtures("here")


def mode(path):
    """The permissions of a file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_and_every_file_in_it_are_for_their_owner_alone():
    private_names.write("ingest", [PrivateName(SHA, name="Mueller_Anna.png")])
    private_names.add("score", [PrivateName(SHA, name="Mueller_Anna.png")])
    private_names.token("Mueller_Anna.png")
    with pytest.raises(Withheld), private_names.withheld(True, "ingest"):
        raise UserError("Mueller_Anna.png")
    assert mode(private_names.FOLDER) == 0o700
    files = {path.name: mode(path) for path in private_names.FOLDER.iterdir()}
    assert files.keys() >= {"ingest.csv", "score.csv", "key", "ingest.txt"} and set(files.values()) == {0o600}


def test_a_folder_that_was_open_to_others_is_closed():
    private_names.FOLDER.mkdir(parents=True, mode=0o755)
    private_names.write("ingest", [])
    assert mode(private_names.FOLDER) == 0o700


def test_rows_are_found_by_the_beginning_of_what_outputs_say_of_them():
    rows = [PrivateName(SHA, "cd" * 16, "batch-001", "line 2", "a, b.png", "PAT-1", "ef" * 8, "manifest")]
    private_names.write("ingest", rows)
    private_names.add("score", [PrivateName("12" * 32, name="other.png")])
    for key in (SHA, SHA[:8], "cd" * 16, "ef" * 8):
        assert private_names.find(key) == rows
    assert private_names.find("00000000") == []
    with pytest.raises(UserError, match="at least 8"):
        private_names.find("ab")


def test_a_file_that_no_table_names_is_found_by_the_checksums_of_its_batch():
    made = batch({"images/Mueller.png": b"one", "Data_Entry.csv": b"two"})
    sha = hashlib.sha256(b"one").hexdigest()
    assert private_names.find(sha[:12]) == [
        PrivateName(sha, batch="made/batch-001", name="images/Mueller.png", outcome="file")
    ]
    assert made.is_dir() and private_names.find("00000000") == []


def test_rows_that_are_added_twice_are_read_once_and_any_name_comes_back():
    rows = [PrivateName(SHA, name="a\nb,\".png"), PrivateName("12" * 32, name="Müller.png")]
    private_names.add("score", rows)
    private_names.add("score", rows[1:])
    assert private_names.read("score") == rows


def test_what_stands_for_a_name_has_no_part_of_it_but_an_images_suffix():
    assert private_names.stand_in(SHA, "Anna/Mueller.PNG") == f"{SHA}.png"
    assert private_names.stand_in(SHA, "Anna.Mueller") == SHA
    assert private_names.stand_in("", "Anna.png") == ""
    assert private_names.is_stand_in(f"{SHA}.png") and private_names.is_stand_in(SHA)
    assert not private_names.is_stand_in("images/a.png") and not private_names.is_stand_in("http")


def test_a_token_is_the_same_each_time_and_another_elsewhere(monkeypatch, tmp_path):
    first = private_names.token("Mueller.png")
    assert first == private_names.token("Mueller.png") != private_names.token("Meier.png")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert private_names.token("Mueller.png") != first


def test_an_error_of_a_private_set_says_where_its_message_stands_and_nothing_else():
    with pytest.raises(Withheld) as said, private_names.withheld(True, "ingest"):
        raise UserError("Mueller_Anna.png line 7: 'PAT-12345678'")
    assert (
        "Mueller" not in str(said.value)
        and "PAT" not in str(said.value)
        and ".runs/names/ingest.txt" in str(said.value)
    )
    assert said.value.__cause__ is None and said.value.__suppress_context__
    assert "PAT-12345678" in (private_names.FOLDER / "ingest.txt").read_text()


def test_an_error_that_nobody_foresaw_keeps_its_traceback_for_the_owner_alone():
    with pytest.raises(Withheld) as said, private_names.withheld(True, "ingest"):
        {}["Mueller_Anna.png"]
    assert "KeyError" in str(said.value) and "Mueller" not in str(said.value)
    assert "Traceback" in (private_names.FOLDER / "ingest.txt").read_text()


def test_what_the_operating_system_says_is_passed_on_without_the_path():
    with pytest.raises(Withheld, match=r"No such file or directory") as said, private_names.withheld(True, "ingest"):
        open("Mueller_Anna.png")  # noqa: SIM115, PTH123
    assert "Mueller" not in str(said.value)


def test_errors_of_a_public_set_and_those_that_name_nothing_pass():
    with pytest.raises(UserError, match=r"a\.png") as said, private_names.withheld(False, "ingest"):
        raise UserError("a.png")
    assert not isinstance(said.value, Withheld)
    with pytest.raises(HashMismatch), private_names.withheld(True, "score", but=(HashMismatch,)):
        raise HashMismatch("model")
    assert not private_names.FOLDER.exists()


def test_what_the_reading_of_a_private_set_logs_is_counted_and_kept_for_the_owner(caplog):
    def read():
        logging.getLogger("cxr.raw.layouts.nih").warning("%s; it tells no views", "Data_Entry_Mueller.csv")

    with private_names.withheld(True, "score"):
        read()
    assert "Mueller" not in caplog.text and "score: 1 messages" in caplog.text
    assert "Data_Entry_Mueller.csv" in (private_names.FOLDER / "score.txt").read_text()
    with private_names.withheld(False, "score"):
        read()
    assert "Mueller" in caplog.text
