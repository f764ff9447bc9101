"""The stage ingest at work: what it remembers, its processes, the bytes of its outputs."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from cxr.params import preset
from cxr.runtime import process_pool, process_tree
from stages.ingest.run import ingest
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import FOLDER, batch, counts, folder_files, params, run

OUTPUTS = ("manifest.parquet", "quarantine.csv", "absent.csv", "merged.csv", "ingest.json")
pytestmark = pytest.mark.usefixtures("here")


def outputs():
    """Name to content of the stage's outputs."""
    return {name: (Path("data") / name).read_bytes() for name in OUTPUTS}


def test_only_new_or_changed_files_are_decoded(in_this_process):
    batch(folder_files())
    assert ingest(params(FOLDER))["decoded"] == 8
    batch({"NORMAL/new.png": png(grey(1)), "NORMAL/broken.png": b"no"}, "batch-002")
    assert ingest(params(FOLDER)) == {"files": 10, "decoded": 2, "reused": 8, "from_previous_output": 0, "damaged": 0}
    assert ingest(params(FOLDER))["decoded"] == 0
    assert ingest(params(FOLDER, max_pixels=1000))["decoded"] == 10


def test_a_run_from_nothing_gives_the_same_bytes_as_one_with_a_cache(in_this_process, monkeypatch, tmp_path):
    batch(folder_files() | {"NORMAL/cut.png": png(grey(2))[:-9], "ZEBRA/z.png": png(grey(3))})
    run(FOLDER)
    first = outputs()
    run(FOLDER)
    assert outputs() == first
    monkeypatch.setenv("CXR_CACHE", str(tmp_path / "elsewhere"))
    run(FOLDER)
    assert outputs() == first


def test_a_damaged_cache_entry_is_made_again_and_said(in_this_process, caplog):
    batch(folder_files())
    run(FOLDER)
    first = outputs()
    with sqlite3.connect(".cache/ingest/facts.sqlite") as base:
        base.execute("UPDATE facts SET fact = replace(fact, '\"width\": 32', '\"width\": 33') WHERE rowid = 1")
    counts = ingest(params(FOLDER))
    assert (counts["decoded"], counts["damaged"]) == (1, 1) and outputs() == first
    assert "1 damaged cache entries; they are made again" in caplog.text


def test_a_cache_that_is_no_database_is_made_again_and_said(in_this_process, caplog):
    batch(folder_files())
    run(FOLDER)
    Path(".cache/ingest/facts.sqlite").write_bytes(b"garbage" * 1000)
    assert ingest(params(FOLDER))["decoded"] == 8
    assert "damaged cache" in caplog.text
    assert ingest(params(FOLDER))["decoded"] == 0


def test_outputs_name_no_place_and_no_patient(in_this_process, tmp_path):
    batch(folder_files())
    run(FOLDER)
    for name, content in outputs().items():
        assert str(tmp_path).encode() not in content, name


def _square_or_die(number):
    if number == 13:
        os.kill(os.getpid(), signal.SIGSEGV)
    return number * number


def test_an_item_that_kills_its_process_is_found_out_and_the_others_are_done():
    assert dict(process_pool.map_unordered(_square_or_die, range(40), 1)) == {
        number: process_pool.Lost.KILLED if number == 13 else number * number for number in range(40)
    }


STAGE = """
import os, sys, time
from pathlib import Path
from cxr.runtime import stage_main
from stages.ingest import facts, run
run_decode = facts.decode_file
def slow(task):
    Path(f"begun-{os.getpid()}").touch()
    time.sleep(0.2)
    return run_decode(task)
facts.decode_file = slow
if __name__ == "__main__":
    sys.exit(stage_main.run("ingest", run.ingest))
"""


@pytest.fixture
def slow_stage(root):
    """The stage as a process of its own, decoding five files a second, with two workers."""
    batch({f"NORMAL/{number}.png": png(grey(number)) for number in range(400)})
    Path("params.yaml").write_text(yaml.safe_dump(params(FOLDER).model_dump(mode="json", by_alias=True)))
    Path("slow_stage.py").write_text(STAGE)
    environment = os.environ | {"PYTHONPATH": f"{root}:.", "CXR_WORKERS": "2"}
    process = subprocess.Popen(
        [sys.executable, "slow_stage.py"],
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    deadline = time.monotonic() + 90
    while len(begun()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    yield process
    with contextlib.suppress(ProcessLookupError):  # nothing of it is left
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def begun():
    """Pids of the processes that decode."""
    return [int(path.name.partition("-")[2]) for path in Path().glob("begun-*")]


def children_of(pid):
    """Ids of a process's children."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        stat = process_tree.status(int(path.name))
        if stat and stat.parent == pid:
            found.append(int(path.name))
    return found


def gone(pids, seconds=30):
    """Whether all of the processes end within so many seconds."""
    deadline = time.monotonic() + seconds
    while any(process_tree.status(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(process_tree.status(pid) for pid in pids)


def test_ctrl_c_ends_the_stage_and_its_workers_and_nothing_is_lost(slow_stage):
    workers = children_of(slow_stage.pid)
    assert len(workers) >= 2 and set(begun()) <= set(workers)
    os.killpg(slow_stage.pid, signal.SIGINT)
    assert slow_stage.wait(30) == 130  # of the 40 that it takes where it is let be
    assert gone(workers) and "interrupted" in slow_stage.stderr.read()
    assert not Path("data/manifest.parquet").exists()


def test_workers_die_with_a_stage_that_is_killed(slow_stage):
    workers = children_of(slow_stage.pid)
    assert len(workers) >= 2 and set(begun()) <= set(workers)
    slow_stage.kill()
    slow_stage.wait()
    assert gone(workers)


def test_the_number_of_processes_changes_no_byte(monkeypatch):
    batch(folder_files() | {"NORMAL/cut.png": png(grey(2))[:-9]})
    monkeypatch.setenv("CXR_WORKERS", "1")
    run(FOLDER)
    first = outputs()
    shutil.rmtree(".cache")
    monkeypatch.setenv("CXR_WORKERS", "3")
    run(FOLDER)
    assert outputs() == first


@pytest.mark.parametrize("images", [24, pytest.param(240, marks=pytest.mark.slow)])
def test_nih_images_come_in_and_the_other_rows_are_counted_absent(shared_data, in_this_process, images):
    source = shared_data / "nih"
    paths = [*source.glob("*.*"), *sorted((source / "images").iterdir())[:images]]
    batch({path.relative_to(source).as_posix(): path.read_bytes() for path in paths})
    section = yaml.safe_load(preset.text(Path(__file__).parents[3] / "presets/nih.yaml"))["ingest"]
    table = run(section | {"set": "made"}, max_quarantined_fraction=0.0)
    assert (len(table), counts()["rows_in"], counts()["absent"]) == (images, 112_120, 112_120 - images)
    assert images < 240 or (table.patient.nunique(), counts()["boxes"]) == (180, 38)
