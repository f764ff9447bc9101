"""`cxr batch`: commits and refusals in a repository with git and DVC; what it says of a private set."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cxr.raw import dvc_index
from cxr.raw.batch import open_set
from cxr.raw.command import main
from cxr.raw.names import BatchError
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import NIH, adds_up, batch, nih_files, nih_row, nih_table, put, run

ROOT = Path(__file__).resolve().parents[3]
SET = Path("data/raw/made")
pytestmark = pytest.mark.usefixtures("here", "in_this_process")


def repository():
    """A git repository with DVC in the working folder."""
    for words in ("git init -q .", "git config user.email a@b.example", "git config user.name n"):
        subprocess.run(words.split(), check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], check=True)
    subprocess.run(["git", "commit", "-qm", "start"], check=True)


def command(*words, root):
    """`python -m cxr.raw` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cxr.raw", *words],
        text=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )


@pytest.mark.parametrize(
    ("harm", "mend", "reason"),
    [
        (
            "git config user.useConfigOnly true; git config --unset user.email",
            "git config user.email a@b.example",
            "fatal: no email",
        ),
        (
            "echo 'echo too late in the day; exit 1' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit",
            "rm .git/hooks/pre-commit",
            "too late in the day",
        ),
        ("touch .git/index.lock", "rm .git/index.lock", "fatal: Unable to create"),
    ],
)
def test_a_commit_that_git_refuses_says_that_the_batch_is_in_and_the_same_command_commits_it(root, harm, mend, reason):
    repository()
    put(Path("from"), nih_files(1))
    subprocess.run(["bash", "-c", harm], check=True)
    refused = command("add", "--set", "made", "--from", "from", "--commit", root=root)
    assert refused.returncode == 1 and refused.stdout.startswith("data/raw/made/batch-001: 3 files, layout nih")
    first, second = refused.stderr.splitlines()
    assert first.startswith(f"add-batch: data/raw/made/batch-001 is in, but git did not commit it: {reason}")
    assert second.startswith("add-batch: mend that and run the same command again, or: git add data/raw/made.dvc ")
    subprocess.run(["bash", "-c", mend], check=True)
    again = command("add", "--set", "made", "--from", "from", "--commit", root=root)
    assert again.returncode == 0, again.stderr
    log = subprocess.run(["git", "log", "-1", "--format=%s"], text=True, capture_output=True).stdout
    assert log == "Add batch-001 to the set made: 3 files\n"
    once_more = command("add", "--set", "made", "--from", "from", "--commit", root=root)
    assert once_more.returncode == 1 and "the very same files came in already; nothing was added" in once_more.stderr


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "copy", "reflink,copy"])
def test_batches_come_in_whatever_way_dvc_links_its_cache(root, kind):
    repository()
    subprocess.run([sys.executable, "-m", "dvc", "config", "cache.type", kind], check=True)
    for number in range(2):
        put(Path(f"from{number}"), nih_files(2, first=10 * number + 1))
        done = command("add", "--set", "made", "--from", f"from{number}", root=root)
        assert done.returncode == 0, done.stderr
    assert Path("data/raw/made/batch-001/SHA256SUMS").is_symlink() == (kind == "symlink")
    assert len(run(NIH)) == 8 and adds_up()


def test_a_link_that_does_not_lead_into_the_cache_is_refused_in_a_set_too(root):
    repository()
    made = batch(nih_files(1))
    (made / "images_001/images/x.png").symlink_to(Path("outside.png").absolute())
    Path("outside.png").write_bytes(b"x")
    with pytest.raises(BatchError, match=r"x\.png: a symbolic link"):
        open_set(SET)


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


def test_the_help_of_batches_is_whole_sentences_and_remove_says_what_an_interrupt_leaves(root):
    overview = command("--help", root=root).stdout.partition("Commands:")[2]
    assert "add nothing." in overview and "..." not in overview
    assert "nothing was removed" in " ".join(command("remove", "--help", root=root).stdout.split())


@pytest.mark.parametrize(("told", "local"), [(None, True), ({"set": "other"}, True), ({"public": True}, False)])
def test_the_names_of_a_set_that_nothing_calls_public_stay_in_the_checkout(root, monkeypatch, told, local):
    monkeypatch.delenv("DVC_SITE_CACHE_DIR", raising=False)
    repository()
    put(Path("from"), nih_files(1))
    if told is not None:
        params = yaml.safe_load((ROOT / "params.yaml").read_text())
        params["ingest"] |= {"set": "made", **told}
        Path("params.yaml").write_text(yaml.safe_dump(params))
    assert command("add", "--set", "made", "--from", "from", root=root).returncode == 0
    assert dvc_index.is_shared() is not local
