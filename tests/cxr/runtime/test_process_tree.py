"""Nothing outlives those who started it, and one run at a time works in a folder."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxr.runtime import process_tree

ROOT = Path(__file__).resolve().parents[3]
STAGE = """
import os, sys, time
from pathlib import Path
from cxr.runtime import process_tree
process_tree.end_with_ancestors()
Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(600)
"""


def wait_for(condition, seconds=60.0):
    """True as soon as the condition holds, False after the time, which a busy machine does not need."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def alive(pid):
    """Whether a process lives; a zombie does not. Read otherwise than the code under test does."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_living_process_has_a_parent_a_group_and_a_start_time_and_a_dead_one_nothing():
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    found = process_tree.status(child.pid)
    assert (found.parent, found.group) == (os.getpid(), child.pid) and int(found.started) > 0
    assert int(process_tree.status(os.getpid()).started) <= int(found.started)
    child.kill()
    assert wait_for(lambda: process_tree.status(child.pid) is None), "a zombie does not live"
    child.wait()
    assert process_tree.status(child.pid) is None


def test_descendants_are_found_across_sessions_children_first(tmp_path):
    pids = tmp_path / "pids"
    script = f"setsid sh -c 'echo $$ >> {pids}; sleep 60; true' & echo $$ >> {pids}; wait"
    child = subprocess.Popen(["sh", "-c", script])
    try:
        assert wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        below = process_tree.descendants(os.getpid())
        grandchild = next(int(pid) for pid in pids.read_text().split() if int(pid) != child.pid)
        assert below.index(child.pid) < below.index(grandchild)
    finally:
        for pid in [*process_tree.descendants(child.pid), child.pid]:
            os.kill(pid, signal.SIGKILL)
        child.wait()


def supervised(*command):
    return subprocess.Popen(
        process_tree.supervisor_command(list(command)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_supervised_commands_exit_status_is_passed_on():
    child = supervised("sh", "-c", "exit 7")
    assert child.wait(60) == 7
    child.communicate()


def test_a_supervised_command_and_its_descendants_end_when_the_pipe_is_closed():
    child = supervised("sh", "-c", "setsid sleep 600 & echo $$ $!; wait")
    pids = [int(pid) for pid in child.stdout.readline().split()]
    assert len(pids) == 2 and all(alive(pid) for pid in pids)
    child.stdin.close()
    assert child.wait(60) == process_tree.TERMINATED
    assert not any(alive(pid) for pid in pids)
    child.stdout.close()


@pytest.mark.parametrize("victim", ["parent", "grandparent"])
def test_a_stage_ends_when_an_ancestor_of_its_group_is_killed(tmp_path, victim):
    pid_file, middle = tmp_path / "stage", tmp_path / "middle"
    (tmp_path / "stage.py").write_text(STAGE)
    script = f"sh -c 'echo $$ > {middle}; {sys.executable} {tmp_path}/stage.py {pid_file}; true'; true"
    top = subprocess.Popen(["sh", "-c", script], start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        assert wait_for(lambda: pid_file.exists() and pid_file.read_text())
        pid = int(pid_file.read_text())
        os.kill(top.pid if victim == "grandparent" else int(middle.read_text()), signal.SIGKILL)
        assert wait_for(lambda: not alive(pid))
    finally:
        os.killpg(top.pid, signal.SIGKILL)
        top.wait()


LOCKED = """
import sys, time
from pathlib import Path
from flows.support.lock import WorkspaceLock
with WorkspaceLock(Path(sys.argv[1]), "a test"):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def test_a_second_run_waits_and_says_who_works_there_and_a_dead_holders_lock_is_free(tmp_path):
    path = tmp_path / "lock"
    first = subprocess.Popen([sys.executable, "-c", LOCKED, path, "600"], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert first.stdout.readline() == "held\n"
    assert json.loads(path.read_text())["pid"] == first.pid
    second = subprocess.Popen(
        [sys.executable, "-c", LOCKED, path, "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert f"process {first.pid} (a test)" in second.stderr.readline()
    assert second.poll() is None
    first.kill()
    first.wait()
    assert second.communicate(timeout=60)[0] == "held\n"
    assert second.returncode == 0


@pytest.mark.parametrize("background", [False, True])
def test_the_end_of_the_shell_ends_a_stage_only_where_it_ran_in_the_foreground(tmp_path, background):
    pid_file = tmp_path / "stage"
    (tmp_path / "stage.py").write_text(STAGE)
    started = [sys.executable, str(tmp_path / "stage.py"), str(pid_file)]
    (tmp_path / "dvc.py").write_text(f"import subprocess; subprocess.run({started})")
    command = f"{sys.executable} {tmp_path}/dvc.py"
    top = subprocess.Popen(
        ["sh", "-c", f"{command} & sleep 60" if background else f"{command}; true"],
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert wait_for(lambda: pid_file.exists() and pid_file.read_text())
        pid = int(pid_file.read_text())
        os.kill(top.pid, signal.SIGKILL)
        top.wait()
        assert wait_for(lambda: not alive(pid), 2.0 if background else 60.0) is not background
    finally:
        with contextlib.suppress(ProcessLookupError):  # nothing of the group is left
            os.killpg(top.pid, signal.SIGKILL)
        top.wait()


def test_a_stage_whose_dvc_is_gone_does_not_begin(tmp_path):
    script = f"(sleep 0.5; DVC_STAGE=train {sys.executable} -m stages.train; echo $? > {tmp_path}/status) & kill -9 $$"
    top = subprocess.Popen(
        ["sh", "-c", script], start_new_session=True, env={**os.environ, "CXR_STARTED_BY": "999999999"}, cwd=ROOT
    )
    top.wait()
    assert wait_for(lambda: (tmp_path / "status").exists() and (tmp_path / "status").read_text())
    assert (tmp_path / "status").read_text().strip() == "1"


def test_an_interrupt_during_a_stages_imports_ends_it_in_one_line(tmp_path):
    for package in ("cxr", "stages"):
        (tmp_path / package).symlink_to(ROOT / package)
    (tmp_path / "params.yaml").symlink_to(ROOT / "params.yaml")
    slow = tmp_path / "numpy.py"  # the first that a stage imports
    slow.write_text(f"import pathlib, time\npathlib.Path({str(tmp_path / 'began')!r}).touch()\ntime.sleep(60)\n")
    stage = subprocess.Popen(
        [sys.executable, "-m", "stages.train"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "DVC_STAGE": "train"},
    )
    assert wait_for((tmp_path / "began").exists)
    os.kill(stage.pid, signal.SIGINT)
    _, said = stage.communicate(timeout=60)
    assert stage.returncode == 130
    assert said.strip() == "interrupted before the stage's work began: the same command goes on where it stopped"
