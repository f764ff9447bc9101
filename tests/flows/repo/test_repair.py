"""What a kill or a full disk leaves half-written of DVC's own files does not stop the next `make repro`."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from dvc.schema import COMPILED_LOCKFILE_SCHEMA

from cxr.runtime.dvc_lock import outputs
from flows.repo.repair import mend

ROOT = Path(__file__).resolve().parents[3]
LOCK = (ROOT / "dvc.lock").read_text()
SLOW = """
import pathlib, time
until = time.monotonic() + 120
while not pathlib.Path("go").exists() and time.monotonic() < until:
    time.sleep(0.05)
pathlib.Path("made.txt").write_text("made")
"""


@pytest.mark.parametrize("size", [0, 1, 20, 8192, 16384, *range(300, len(LOCK), 1699)])
def test_a_lock_file_cut_anywhere_is_read_by_dvc_again_and_says_nothing_untrue(tmp_path, size):
    path = tmp_path / "dvc.lock"
    path.write_text(LOCK[:size])
    said = mend(tmp_path)
    assert said == [] or "dvc.lock was half-written" in said[0]
    if path.exists():
        COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(path.read_text()))
    if said and path.exists():
        assert outputs(path.read_text()).items() <= outputs(LOCK).items()


def test_a_whole_lock_file_is_left_alone(tmp_path):
    (tmp_path / "dvc.lock").write_text(LOCK)
    assert mend(tmp_path) == []
    assert (tmp_path / "dvc.lock").read_text() == LOCK


def table(folder, content):
    path = folder / ".dvc/tmp/rwlock"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps({"write": {"/x": content}, "read": {}}))
    return path


@pytest.mark.parametrize("half", ["", '{"write": {"/x"'])
def test_dvcs_table_cut_off_is_removed_and_said(tmp_path, half):
    path = table(tmp_path, half)
    assert "half-written" in mend(tmp_path)[0]
    assert not path.exists()


def test_a_dead_dvcs_number_that_another_program_has_by_now_locks_nothing(tmp_path):
    other = subprocess.Popen(["sleep", "60"])
    try:
        path = table(tmp_path, {"pid": other.pid, "cmd": "dvc repro"})
        assert str(other.pid) in mend(tmp_path)[0]
        assert not path.exists()
    finally:
        other.kill()
        other.wait()


def test_a_living_dvcs_lock_stays(tmp_path):
    living = subprocess.Popen(
        [sys.executable, "-c", "import time; print(); time.sleep(60)", "dvc", "repro"],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        living.stdout.readline()  # while the kernel starts a program, the words of its command are not to be read yet
        path = table(tmp_path, {"pid": living.pid, "cmd": "dvc repro"})
        assert mend(tmp_path) == []
        assert path.exists()
    finally:
        living.kill()
        living.communicate()


@pytest.fixture
def project(tmp_path):
    """A project of one stage, which takes until the file `go` is there; and a way to start `make repro`."""
    stage = {"cmd": "python slow.py", "deps": ["slow.py"], "outs": ["made.txt"]}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"slow": stage}}))
    (tmp_path / "slow.py").write_text(SLOW)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for words in ("git init -q", "dvc init -q", "git config user.email t@t", "git config user.name t"):
        subprocess.run(words.split(), cwd=tmp_path, env=environment, check=True)

    def start():
        return subprocess.Popen(
            [sys.executable, "-m", "flows.repro"],
            cwd=tmp_path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    start.folder = tmp_path
    return start


def test_a_second_make_repro_beside_a_running_one_waits_says_for_whom_and_runs_nothing_twice(project):
    first, lock = project(), project.folder / ".runs/repro.lock"
    until = time.monotonic() + 120
    while not (lock.exists() and lock.read_text()) and time.monotonic() < until:  # the holder's name stands in it
        time.sleep(0.05)
    second = project()
    more = second.stdout.readline()
    (project.folder / "go").touch()
    told, more = first.communicate(timeout=120)[0], more + second.communicate(timeout=120)[0]
    assert (first.returncode, second.returncode) == (0, 0)
    assert "Running stage 'slow'" in told
    assert f"waiting: process {first.pid} (make repro) works in this folder" in more
    assert "Running stage" not in more


def test_make_repro_goes_on_after_a_kill_that_halved_dvcs_files(project):
    (project.folder / "go").touch()
    assert "Running stage 'slow'" in project().communicate(timeout=120)[0]
    whole = (project.folder / "dvc.lock").read_text()
    (project.folder / "dvc.lock").write_text(whole[: whole.index("cmd") + 2])
    table(project.folder, "")
    told = project().communicate(timeout=120)[0]
    assert "dvc.lock was half-written" in told
    assert (project.folder / "dvc.lock").read_text() == whole
