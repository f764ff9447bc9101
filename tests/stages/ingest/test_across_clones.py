"""What ingest found out on another machine is not found out again: the earlier manifest by dvc.lock."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
import yaml

from stages.ingest import facts
from stages.ingest.run import ingest
from tests.fixtures.dvc_records import command, configure, record_files, store
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import FOLDER, batch, folder_files, listed, params, put

OUTPUTS = ("manifest.parquet", "quarantine.csv", "absent.csv", "merged.csv", "ingest.json")
KNOWN = [Path("data/manifest.parquet"), Path("data/ingest.json")]
CACHE = Path(".dvc/cache")
REMOTE = "[core]\n    remote = shared\n['remote \"shared\"']\n    url = {}\n"
pytestmark = pytest.mark.usefixtures("here", "in_this_process")


@pytest.fixture(autouse=True)
def first_batch(here, monkeypatch):
    """Eight images, a copy of one of them (merged) and a broken file (quarantined), taken in once."""
    monkeypatch.delenv("CXR_CACHE", raising=False)
    batch(
        folder_files()
        | {
            "train/NORMAL/IM-0009-0001.png": folder_files()["train/NORMAL/IM-0001-0001.png"],
            "train/NORMAL/IM-0010-0001.png": loosely_packed(grey(100)),
            "train/NORMAL/IM-0011-0001.png": b"broken",
        }
    )
    assert work()["decoded"] == 10  # the exact copy is decoded once


def loosely_packed(pixels):
    """The pixels in other bytes."""
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()


def work(**more):
    """Run the stage; its counts of work done."""
    return ingest(params(FOLDER, **more))


def outputs():
    """Name to content of the stage's outputs."""
    return {name: (Path("data") / name).read_bytes() for name in OUTPUTS}


def second_batch():
    """Two new images come in."""
    batch({"NORMAL/new.png": png(grey(1)), "NORMAL/newer.png": png(grey(2))}, "batch-002")


def from_nothing():
    """Outputs of a run that finds no earlier one."""
    shutil.rmtree(".cache", ignore_errors=True)
    Path("dvc.lock").unlink()
    assert work()["from_previous_output"] == 0
    return outputs()


@pytest.mark.parametrize("place", ["cache", "remote", "workspace"])
def test_a_machine_with_an_empty_cache_decodes_the_new_batch_and_what_no_manifest_holds(tmp_path, place):
    remote = tmp_path / "remote"
    configure(REMOTE.format(remote) if place == "remote" else "")
    record_files(
        {"cache": CACHE, "remote": remote, "workspace": Path("elsewhere")}[place],
        "ingest",
        KNOWN,
        remove=place != "workspace",
    )
    second_batch()
    counts = work()
    assert (len(listed("merged")), len(listed("quarantine"))) == (2, 1)
    # 2 new; the merged one with bytes of its own and the quarantined one stand in no manifest
    assert counts == {"files": 13, "decoded": 4, "reused": 0, "from_previous_output": 9, "damaged": 0}
    found = outputs()
    assert not list(Path(".cache/ingest").glob("fetched/*/*"))
    shutil.rmtree(remote, ignore_errors=True)
    assert work() == {"files": 13, "decoded": 0, "reused": 13, "from_previous_output": 0, "damaged": 0}
    assert found == outputs() == from_nothing()


def test_facts_of_another_bound_are_not_used():
    configure()
    record_files(CACHE, "ingest", KNOWN)
    assert work(max_pixels=2000)["decoded"] == 10


def test_facts_that_other_code_found_are_not_used(monkeypatch):
    configure()
    record_files(CACHE, "ingest", KNOWN)
    monkeypatch.setattr(facts, "code_version", lambda *sources: "another")
    assert work()["decoded"] == 10


def test_a_file_under_another_suffix_is_read_again():
    """The suffix is held against the content: the same bytes may be refused under another name."""
    configure()
    record_files(CACHE, "ingest", KNOWN)
    batch({"NORMAL/same.jpg": folder_files()["train/NORMAL/IM-0002-0002.png"]}, "batch-002")
    assert work()["decoded"] == 3
    assert [row.batch for row in listed("quarantine").itertuples() if row.reason == "mislabelled"][-1] == "batch-002"


@pytest.mark.parametrize("which", KNOWN)
def test_a_damaged_object_is_said_and_everything_decoded(which, caplog):
    configure()
    before = outputs()
    md5s = record_files(CACHE, "ingest", KNOWN)
    store(CACHE, md5s[which.as_posix()], b"damaged")
    assert work()["decoded"] == 10 and outputs() == before
    assert f"the earlier {which} is damaged (MD5); it is not used" in caplog.text


@pytest.mark.parametrize("config", ["", REMOTE.format("/nowhere/at/all")])
def test_without_a_remote_everything_is_decoded(config):
    configure(config)
    record_files(Path("not-dvcs-cache"), "ingest", KNOWN)
    assert work()["decoded"] == 10


PIPELINE = {
    "stages": {
        "ingest": {
            "cmd": f"{sys.executable} -m stages.ingest",
            "deps": ["data/raw/made"],
            "params": ["ingest"],
            "outs": [f"data/{name}" for name in OUTPUTS],
        },
        "preprocess": {
            "cmd": f"{sys.executable} -m stages.preprocess",
            "deps": ["data/manifest.parquet", "data/raw/made"],
            "params": ["preprocess"],
            "outs": ["data/processed"],
        },
    }
}


def made_files(first, count):
    """A folder of two classes with images of their own."""
    return {
        f"{('NORMAL', 'PNEUMONIA')[i % 2]}/person{i}_virus_{i}.png": png(grey(i)) for i in range(first, first + count)
    }


def decoded(clone):
    """How many images ingest and preprocess decoded at their last run in a clone."""
    return [json.loads((clone / f".runs/{stage}.json").read_text())["decoded"] for stage in ("ingest", "preprocess")]


@pytest.mark.slow
def test_a_second_clone_that_shares_only_the_remote_decodes_only_the_batch_that_it_adds(tmp_path, root):
    first, second = tmp_path / "first", tmp_path / "second"
    put(tmp_path / "one", made_files(0, 12))
    put(tmp_path / "two", made_files(100, 3))
    first.mkdir()
    section = {"size": 16, "clahe": {"clip_limit": 2.0, "tiles": 2}, "buckets": 4, "cache_gigabytes": 1.0}
    complete = params(FOLDER).model_dump(mode="json", by_alias=True) | {"preprocess": section}
    (first / "params.yaml").write_text(yaml.safe_dump(complete))
    (first / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    (first / ".gitignore").write_text("/.cache\n/.runs\n__pycache__\n")
    add = (sys.executable, "-m", "cxr.raw", "add", "--set", "made", "--commit", "--from")
    for words in (
        "git init -q -b main",
        "dvc init -q",
        f"dvc remote add -q -d shared {tmp_path / 'remote'}",
        "git add .",
        "git commit -qm start",
    ):
        command(first, *words.split(), root=root)
    command(first, *add, str(tmp_path / "one"), root=root)
    for words in ("dvc repro -q", "git add .", "git commit -qm first", "dvc push -q", f"git clone -q . {second}"):
        command(first, *words.split(), root=root)
    assert decoded(first) == [12, 12]
    command(second, "dvc", "pull", "-q", "data/raw/made", root=root)
    command(second, *add, str(tmp_path / "two"), root=root)
    command(second, "dvc", "repro", "-q", root=root)
    assert decoded(second) == [3, 3]
    command(first, "git", "pull", "-q", str(second), "main", root=root)
    fresh = os.environ | {"CXR_CACHE": str(tmp_path / "empty")}
    shutil.rmtree(first / ".dvc/cache")
    (first / "dvc.lock").unlink()
    for words in ("git commit -qam nothing-recorded", "rm -rf data/raw/made data/processed"):
        command(first, *words.split(), root=root)
    shutil.copytree(second / "data/raw/made", first / "data/raw/made")
    for stage in ("ingest", "preprocess"):
        subprocess.run(
            [sys.executable, "-m", f"stages.{stage}"],
            cwd=first,
            env=fresh | {"PYTHONPATH": str(root)},
            check=True,
            capture_output=True,
        )
    assert decoded(first) == [15, 15]
    for place in [
        *(f"data/{name}" for name in OUTPUTS),
        *(f"data/processed/{path.name}" for path in (second / "data/processed").iterdir()),
    ]:
        assert (first / place).read_bytes() == (second / place).read_bytes(), place
