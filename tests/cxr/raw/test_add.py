"""The one way in for new data: make add-batch."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.core import files
from cxr.core.errors import HashMismatch
from cxr.raw import add as adding
from cxr.raw import packing
from cxr.raw.add import add
from cxr.raw.batch import open_set
from cxr.raw.checksums import verify_set
from cxr.raw.names import BatchError
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import FOLDER, NIH, adds_up, batch, folder_files, nih_files, params, put, run, tree

SET = Path("data/raw/made")
pytestmark = pytest.mark.usefixtures("here", "in_this_process", "without_dvc")


def test_a_folder_becomes_a_batch_in_the_ledger_with_its_bytes_untouched():
    put(Path("from"), folder_files() | {".DS_Store": "x", "train/Thumbs.db": "x"})
    added = add("made", Path("from"))
    assert (added.folder, added.look.layout.name, added.files) == (SET / "batch-001", "folder", 8)
    assert added.look.remarks() == ["left out, of systems and programs: 2 (.DS_Store, train/Thumbs.db)"]
    assert added.look.remarks(named=False) == ["left out, of systems and programs: 2"]
    (made,) = open_set(SET)
    verify_set(SET, [made])
    assert {name: made.read(name) for name in made.names()} == folder_files()
    checksum = files.sha256_file(SET / "batch-001/SHA256SUMS")
    assert Path("data/raw/made.ledger").read_text() == f"batch-001 {checksum}\n"
    assert not (SET / "batch-001/train/NORMAL/IM-0001-0001.png").is_symlink()


def test_a_second_batch_follows_and_the_same_one_is_refused():
    put(Path("one"), nih_files(2))
    put(Path("two"), nih_files(2, first=3))
    add("made", Path("one"))
    assert add("made", Path("two")).folder.name == "batch-002"
    before = tree()
    with pytest.raises(BatchError, match="batch-001: the very same files came in already; nothing was added"):
        add("made", Path("one"))
    assert tree() == before


def test_many_files_are_packed_and_come_in_as_if_they_were_loose(monkeypatch):
    put(Path("from"), folder_files())
    add("made", Path("from"))
    loose = run(FOLDER)
    monkeypatch.setattr(packing, "_FILES_AN_ARCHIVE", 3)
    copy = packing.copy
    monkeypatch.setattr(adding, "copy", lambda *given, **more: copy(*given, most_loose=5, **more))
    add("packed", Path("from"))
    batch_folder = Path("data/raw/packed/batch-001")
    assert sorted(path.name for path in batch_folder.iterdir()) == [
        "MEMBERS.sha256",
        "SHA256SUMS",
        "files-000.tar",
        "files-001.tar",
        "files-002.tar",
    ]
    packed = run(FOLDER | {"set": "packed"})
    kept = ["image_id", "sha256", "width", "batch", "label_PNEUMONIA"]
    assert packed[kept].sort_index().equals(loose[kept].sort_index())
    (made,) = open_set(batch_folder.parent)
    assert made.sha256("val/NORMAL/IM-0002-0001.png") == loose.loc["val/NORMAL/IM-0002-0001.png"].sha256


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"readme.txt": "x"}, "neither a Data_Entry"),
        ({"a.png": "x", "b.png": "x"}, "in no class folder"),
        ({"chest/train/a/1.png": "x", "chest/test/a/2.png": "x"}, r"one level down; give FROM=from/chest"),
        ({"nih/Data_Entry_2017.csv": "x", "nih/images/a.png": "x"}, r"one level down; give FROM=from/nih"),
        ({"Data_Entry_2017.csv": "x", "Data_Entry_2017_v2020.csv": "x", "images/a.png": "x"}, "2 tables"),
        ({"a/new\nline.png": "x"}, "a line break in the name"),
    ],
)
def test_a_folder_of_no_known_layout_is_refused_with_advice(files, why):
    put(Path("from"), files)
    with pytest.raises(BatchError, match=why):
        add("made", Path("from"))
    assert tree() == {}


def test_another_layout_than_params_ask_for_is_refused():
    put(Path("from"), folder_files())
    with pytest.raises(BatchError, match=r"is of layout folder, but params\.yaml says ingest\.layout: nih"):
        add("made", Path("from"), section=params(NIH).ingest)


def test_links_and_overlapping_folders_are_refused_by_name():
    put(Path("from"), folder_files())
    Path("from/train/NORMAL/link.png").symlink_to("/etc/passwd")
    with pytest.raises(BatchError, match=r"from/train/NORMAL/link\.png: a symbolic link"):
        add("made", Path("from"))
    with pytest.raises(BatchError, match="holds it"):
        add("made", Path())
    with pytest.raises(BatchError, match="is no folder"):
        add("made", Path("nowhere"))
    Path("set.zip").write_bytes(b"PK")
    with pytest.raises(BatchError, match=r"set\.zip: packed; unpack it into a folder, and give that folder"):
        add("made", Path("set.zip"))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"b\xff.png", "a control or undecodable character"),
        (b"a\tb.png", "a control or undecodable character"),
        *((name.encode(), "a line break") for name in ("a\nb.png", "a\u2028b.png", "a\u2029b.png", "a\x85b.png")),
        *((name.encode(), "a line break") for name in ("a\vb.png", "a\fb.png", "a\rb.png", "a\x1cb.png")),
        ("gnp.\u202ea.png".encode(), "turns the direction of writing"),
    ],
)
def test_a_name_that_no_table_could_hold_is_refused_by_name(name, why):
    put(Path("from"), folder_files())
    Path(os.fsdecode(b"from/train/NORMAL/" + name)).write_bytes(png(grey(1)))
    with pytest.raises(BatchError, match=f"{why}.*; rename it") as refused:
        add("made", Path("from"))
    assert str(refused.value).isprintable() and tree() == {}


def test_accents_spaces_and_signs_in_names_come_in():
    names = [
        "éric 7.png",
        "患者2.png",
        "o'brien [3] & co.png",
        "a%20b#4.png",
        "lungs \U0001fac1\ufe0f.png",
        "x;y,z=5.png",
    ]
    put(Path("from"), {f"Neumonía vírica/{name}": png(grey(index)) for index, name in enumerate(names)})
    add("made", Path("from"))
    section = FOLDER | {"labels": ["Neumonía vírica"], "patient_pattern": None, "one_patient_per": "file_name"}
    assert set(run(section).index) == {f"Neumonía vírica/{name}" for name in names} and adds_up()


def test_a_folder_with_an_images_name_is_a_folder():
    put(Path("from"), folder_files() | {"train/NORMAL/x.png/inner.png": png(grey(1))})
    Path("from/train/NORMAL/empty.png").mkdir()
    section = FOLDER | {"below_class": "*"}
    add("made", Path("from"), section=params(section).ingest)
    assert "train/NORMAL/x.png/inner.png" in run(section).index and adds_up()


def test_a_set_that_a_stage_makes_is_not_added_to():
    batch({"a.txt": "1"}, "batch-007")
    put(Path("from"), folder_files())
    with pytest.raises(BatchError, match="was not made by make add-batch"):
        add("made", Path("from"))


def test_nothing_is_added_to_a_set_whose_batches_are_changed_or_not_here():
    put(Path("one"), nih_files(1))
    put(Path("two"), nih_files(1, first=2))
    add("made", Path("one"))
    (SET / "batch-001/Data_Entry_2017_v2020.csv").write_text("changed")
    with pytest.raises(HashMismatch, match="batch-001/Data_Entry"):
        add("made", Path("two"))
    shutil.rmtree(SET)
    with pytest.raises(BatchError, match="dvc pull data/raw/made"):
        add("made", Path("two"))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BatchError("dvc add failed"), OSError(28, "No space left")])
@pytest.mark.parametrize("where", ["write_checksums", "_dvc_add", "write_ledger"])
@pytest.mark.parametrize("earlier", [False, True])
def test_an_add_that_is_interrupted_or_fails_leaves_nothing(monkeypatch, error, where, earlier):
    put(Path("one"), nih_files(1))
    put(Path("two"), nih_files(1, first=2))
    if earlier:
        add("made", Path("one"))
    before = tree()

    def fail(*arguments):
        """Stands for a step that an error or an interrupt ends."""
        raise error

    monkeypatch.setattr(adding, where, fail)
    with pytest.raises(type(error)):
        add("made", Path("two"))
    assert tree() == before


DYING = """
import os, pathlib, signal
from cxr.raw import add as adding
adding._dvc_add = lambda folder: os.kill(os.getpid(), signal.SIGKILL)  # between the batch's name and the ledger
adding.add("made", pathlib.Path("one"))
"""


def test_an_add_that_was_killed_is_taken_up_when_the_same_folder_is_added_again(root):
    put(Path("one"), nih_files(1))
    put(Path("two"), nih_files(1, first=2))
    add("made", Path("one"))
    finished = tree()
    shutil.rmtree("data")
    died = subprocess.run([sys.executable, "-c", DYING], env=os.environ | {"PYTHONPATH": str(root)})
    assert died.returncode == -signal.SIGKILL
    assert (SET / "batch-001").exists() and not Path("data/raw/made.ledger").exists()
    with pytest.raises(BatchError, match="was left by an add that was killed"):
        add("made", Path("two"))
    add("made", Path("one"))
    assert tree() == finished


def command(*words, root):
    """`python -m cxr.raw add` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cxr.raw", "add", *words],
        text=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )


def test_the_command_adds_to_dvc_and_commits_exactly_its_own_files(root):
    put(Path("from"), nih_files(2))
    Path("other.txt").write_text("not ours")
    for line in ("git init -q .", "git config user.email a@b.example", "git config user.name n", "git add other.txt"):
        subprocess.run(line.split(), check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], check=True)
    subprocess.run(["git", "commit", "-qm", "start", "--", ".dvc", ".dvcignore"], check=True)
    done = command("--set", "made", "--from", "from", "--commit", root=root)
    assert done.returncode == 0, done.stderr
    log = subprocess.run(["git", "show", "--stat", "--format=%s"], text=True, capture_output=True).stdout
    assert log.startswith("Add batch-001 to the set made: 5 files")
    assert all(name in log for name in ("data/raw/made.dvc", "data/raw/made.ledger", "data/raw/.gitignore"))
    assert "3 files changed" in log and "other.txt" not in log
    status = subprocess.run([sys.executable, "-m", "dvc", "status", "-q"], capture_output=True)
    assert status.returncode == 0


def test_the_command_says_in_one_line_what_is_wrong(root):
    put(Path("from"), {"a.png": png(grey(1))})
    done = command("--set", "made", "--from", "from", root=root)
    assert done.returncode == 1 and done.stderr.startswith("add-batch: from: ") and "Traceback" not in done.stderr
    put(Path("from"), folder_files())
    Path("from/a.png").unlink()
    done = command("--set", "made", "--from", "from", root=root)  # no DVC project here
    assert done.returncode == 1 and tree() == {}
    assert done.stderr.startswith("add-batch: dvc add failed: ERROR: you are not inside of a DVC repository")


def test_what_a_killed_add_left_half_copied_goes_with_the_next_one():
    put(Path("one"), nih_files(1))
    put(SET / ".batch-001.0badcafe.part", {"half.png": "x"})
    add("made", Path("one"))
    assert [path.name for path in SET.iterdir()] == ["batch-001"]


def test_kermany_is_packed_and_every_file_comes_in(shared_data, monkeypatch):
    source = shared_data / "kermany"
    some = [path for folder in sorted(source.glob("*/*")) for path in sorted(folder.iterdir())[:40]]
    put(Path("from"), {path.relative_to(source).as_posix(): path.read_bytes() for path in some})
    copy = packing.copy
    monkeypatch.setattr(adding, "copy", lambda *given, **more: copy(*given, most_loose=100, **more))
    add("made", Path("from"))
    table = run(FOLDER, split={"rule": "official"}, max_quarantined_fraction=0.0)
    counts = files.read_json(Path("data/ingest.json"))
    assert counts["rows_in"] == 160 and len(table) + counts["merged"] == 160
    assert set(table[table.index.str.startswith("test/")].split) == {"test"}
