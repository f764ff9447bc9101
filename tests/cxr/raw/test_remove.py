"""The last batch can be taken back, as long as no recorded run was made with it."""

import subprocess
import sys
from pathlib import Path

import pytest

from cxr.core.errors import HashMismatch
from cxr.raw import remove as removing
from cxr.raw.add import add
from cxr.raw.batch import open_set
from cxr.raw.command import main
from cxr.raw.names import BatchError
from cxr.raw.recorded import recorded
from cxr.raw.remove import remove
from tests.fixtures.made_sets import batch, nih_files, put

SET, POINTER = Path("data/raw/made"), Path("data/raw/made.dvc")


def git(*words: str) -> str:
    """What git prints."""
    return subprocess.run(["git", *words], check=True, text=True, capture_output=True).stdout


@pytest.fixture(autouse=True)
def two_batches(here: Path) -> None:
    """A repository with DVC and a set of two batches, the first committed."""
    for words in ("init -q .", "config user.email a@b.example", "config user.name n"):
        git(*words.split())
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], check=True)
    git("commit", "-qm", "start")
    for number in (1, 2):
        put(Path(f"from{number}"), nih_files(1, first=number))
    assert main(["add", "--set", "made", "--from", str(here / "from1"), "--commit"]) == 0
    add("made", Path("from2"))


def tree() -> dict[str, bytes]:
    """Path to content of every file below data."""
    return {path.as_posix(): path.read_bytes() for path in sorted(Path("data").rglob("*")) if path.is_file()}


def run_with_the_set() -> None:
    """What a run leaves in dvc.lock."""
    md5 = POINTER.read_text().partition("md5: ")[2].split()[0]
    Path("dvc.lock").write_text(f"stages:\n  ingest:\n    deps:\n    - path: data/raw/made\n      md5: {md5}\n")


def test_a_batch_that_was_removed_leaves_what_was_before_it_and_may_come_in_again():
    after = tree()
    assert remove("made") == SET / "batch-002"
    assert [made.name for made in open_set(SET)] == ["batch-001"] and git("status", "--porcelain", "data") == ""
    assert subprocess.run([sys.executable, "-m", "dvc", "status", "-q"]).returncode == 0
    add("made", Path("from2"))
    assert tree() == after


def test_the_only_batch_goes_with_its_set_and_the_removal_is_committed(capsys):
    remove("made")
    assert main(["remove", "--set", "made", "--commit"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "data/raw/made/batch-001: removed; DVC's cache keeps its files until `dvc gc`",
        "committed: data/raw/made.dvc data/raw/made.ledger data/raw/.gitignore",
    ]
    assert not SET.exists() and not POINTER.exists() and git("status", "--porcelain", "data") == ""
    assert add("made", Path("from1")).folder.name == "batch-001"


def test_a_batch_of_a_run_that_dvc_lock_has_is_not_removed_before_that_run_is_dropped():
    run_with_the_set()
    before = tree()
    with pytest.raises(BatchError, match=r"batch-002: dvc\.lock records a run .*`git checkout dvc\.lock` drops"):
        remove("made")
    assert tree() == before
    Path("dvc.lock").unlink()
    remove("made")


def test_a_batch_of_a_run_that_any_commit_records_stays(capsys):
    run_with_the_set()
    git("add", "data", "dvc.lock")
    git("commit", "-qm", "run")
    Path("dvc.lock").write_text("stages: {}\n")
    git("commit", "-qam", "another run")
    with pytest.raises(BatchError, match=r"batch-002: stays, since commit [0-9a-f]{7,} records a run with it"):
        remove("made")
    assert set(recorded(SET, POINTER)) == {"batch-001", "batch-002"}
    put(Path("from3"), nih_files(1, first=3))
    add("made", Path("from3"))
    capsys.readouterr()
    assert main(["list", "--set", "made"]) == 0
    said = [line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]]
    assert said[0] == said[1] != "no" and said[2] == "no"
    assert remove("made") == SET / "batch-003"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BatchError("dvc add failed")])
@pytest.mark.parametrize("where", ["dvc", "write_ledger"])
def test_a_removal_that_fails_or_is_interrupted_changes_nothing(monkeypatch, error, where):
    before = tree()

    def fail(*arguments: object) -> None:
        """Stands for a step that an error or an interrupt ends."""
        raise error

    monkeypatch.setattr(removing, where, fail)
    with pytest.raises(type(error)):
        remove("made")
    assert tree() == before


def test_nothing_is_removed_while_the_batches_before_are_changed_or_not_here():
    (SET / "batch-001/Data_Entry_2017_v2020.csv").write_text("changed")
    with pytest.raises(HashMismatch, match="batch-001/Data_Entry"):
        remove("made")
    assert (SET / "batch-002").exists()
    with pytest.raises(BatchError, match="has no batch that make add-batch brought in"):
        remove("other")


def test_a_sealed_batch_that_can_not_even_be_listed_is_removed():
    put(SET / "batch-002", {"a\u2028b.png": "x"})
    remove("made")
    assert [made.name for made in open_set(SET)] == ["batch-001"]


def test_what_a_killed_add_left_is_removed_first():
    batch({"a.txt": "1"}, "batch-003")
    assert remove("made") == SET / "batch-003"
    assert [made.name for made in open_set(SET)] == ["batch-001", "batch-002"]
