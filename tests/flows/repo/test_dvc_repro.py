"""`dvc repro` keeps wrong hints to itself, and says what a killed stage's libraries said last."""

import subprocess
import sys

import pytest

from flows.repo import dvc_repro


@pytest.fixture
def project(tmp_path):
    """A project in git and DVC, of one stage whose command a test writes."""
    for words in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"]):
        subprocess.run(words, cwd=tmp_path, check=True)
    (tmp_path / "git.py").write_text("raise SystemExit('not what DVC means by git')\n")
    return tmp_path


def repro(folder, stage):
    (folder / "dvc.yaml").write_text(f"stages: {{trial: {{cmd: {stage}, outs: [out]}}}}\n")
    return subprocess.run(dvc_repro.command(), cwd=folder, capture_output=True, text=True)


def test_a_healthy_run_gives_no_hints(project):
    ended = repro(project, "echo 1 > out")
    assert ended.returncode == 0, ended.stderr
    assert "Running stage 'trial'" in ended.stdout + ended.stderr
    assert not [hint for hint in ("git add", "dvc push", "autostage") if hint in ended.stdout + ended.stderr]


def test_what_is_up_to_date_is_still_said(project):
    repro(project, "echo 1 > out")
    assert "up to date" in repro(project, "echo 1 > out").stdout


@pytest.mark.parametrize("signal", ["KILL", "ABRT", "SEGV"])
def test_a_killed_stage_is_explained_by_the_end_of_its_log(project, signal):
    ended = repro(project, f"mkdir -p .runs && echo F0000 check failed > .runs/trial.log && kill -{signal} $$")
    assert ended.returncode == 255
    assert "stage trial was killed" in ended.stderr and ".runs/trial.log:\n  F0000 check failed" in ended.stderr


def test_a_stage_that_fails_by_itself_has_no_log_shown(project):
    ended = repro(project, "exit 1")
    assert ended.returncode == 255
    assert "failed to reproduce 'trial'" in ended.stderr and "was killed" not in ended.stderr


@pytest.mark.parametrize(
    ("message", "stage"),
    [
        ("failed to reproduce 'train': failed to run: python -m stages.train, exited with -9", "train"),
        ("failed to reproduce 'data/raw/dvc.yaml:phantom': failed to run: x, exited with 134", "phantom"),
        ("failed to reproduce 'train': failed to run: x, exited with 130", ""),
        ("failed to reproduce 'train': failed to run: x, exited with 1", ""),
        ("failed to reproduce 'train': output 'a' does not exist", ""),
        ("", ""),
    ],
)
def test_a_kill_is_told_from_an_end_by_the_status(message, stage):
    assert dvc_repro.killed(message) == stage
