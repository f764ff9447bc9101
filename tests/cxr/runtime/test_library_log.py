"""What C++ libraries say is in a log, what Python says on the console, and no log is worth a stage."""

import os
import stat
import subprocess
import sys

import pytest


@pytest.fixture
def run(root, tmp_path):
    """Code in a process of its own, in an empty folder, after what libraries say is diverted."""

    def run(code, before="pass", call="divert('trial')"):
        code = f"import logging, os, sys\nfrom cxr.runtime import library_log\n{before}\nlibrary_log.{call}\n{code}"
        return subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        )

    return run


def test_a_library_writes_to_the_log_and_python_to_the_console(run, tmp_path):
    ended = run("os.write(2, b'E0000 cuInit\\n'); print('bar', file=sys.stderr); logging.warning('a warning')")
    assert ended.stderr == "bar\nWARNING:root:a warning\n"
    log = tmp_path / ".runs/trial.log"
    assert log.read_text() == "E0000 cuInit\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_log_begins_anew_with_each_run(run, tmp_path):
    run("os.write(2, b'first\\n')")
    run("os.write(2, b'second\\n')")
    assert (tmp_path / ".runs/trial.log").read_text() == "second\n"


def test_a_traceback_reaches_the_console(run):
    ended = run("1 / 0")
    assert ended.returncode == 1 and "ZeroDivisionError" in ended.stderr


def test_a_library_that_aborts_is_explained_on_the_console_and_in_the_log(run, tmp_path):
    ended = run("os.write(2, b'F0000 check failed\\n'); os.abort()")
    assert ended.returncode == -6
    assert "Aborted" in ended.stderr and "line" in ended.stderr
    assert (tmp_path / ".runs/trial.log").read_text() == "F0000 check failed\n"


def test_processes_started_later_write_to_the_log(run, tmp_path):
    assert run("os.system('echo of a child >&2')").stderr == ""
    assert (tmp_path / ".runs/trial.log").read_text() == "of a child\n"


@pytest.mark.parametrize(
    "before",
    [
        "open('.runs', 'w').close()",
        "os.makedirs('.runs/trial.log')",
        "os.mkdir('.runs'); os.symlink('/dev/full', '.runs/trial.log')",
    ],
)
def test_without_a_log_everything_stays_on_the_console(run, before):
    ended = run("os.write(2, b'library\\n'); print('python', file=sys.stderr)", before)
    assert (ended.returncode, ended.stderr) == (0, "library\npython\n")


def test_a_full_disk_stops_nobody(run):
    divert = "library_log._opened = lambda path: os.open('/dev/full', os.O_WRONLY)"
    ended = run("os.system('echo lost >&2'); print('goes on', file=sys.stderr)", divert)
    assert (ended.returncode, ended.stderr) == (0, "goes on\n")


def test_a_command_leaves_no_log_in_a_folder_that_is_no_project(run, tmp_path):
    assert run("os.write(2, b'library\\n')", call="divert_in_project('predict')").stderr == "library\n"
    assert not (tmp_path / ".runs").exists()
    (tmp_path / "dvc.yaml").touch()
    assert run("os.write(2, b'library\\n')", call="divert_in_project('predict')").stderr == ""
    assert (tmp_path / ".runs/predict.log").exists()
