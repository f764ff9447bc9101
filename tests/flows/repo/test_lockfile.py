"""Whether the bytes made here are the recorded ones: said from lock files, with the names of those that differ."""

import subprocess

import pytest

from flows.repo import lockfile
from flows.repo.recorded import verdict
from flows.verify import used, where

LOCK = """schema: '2.0'
stages:
  train:
    cmd: python -m stages.train
    outs:
    - path: models/base
      hash: md5
      md5: {0}.dir
  evaluate:
    outs:
    - path: metrics/latency.json
      md5: {1}
"""


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "dvc.lock").write_text(LOCK.format("aaa", "t1"))
    (tmp_path / "params.yaml").write_text("train: {}\n")
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_equal_outputs_are_the_recorded_ones_whatever_the_measured_times(workspace):
    (workspace / "dvc.lock").write_text(LOCK.format("aaa", "t2"))
    assert verdict(workspace) == "bytes: all 1 outputs are the ones recorded in this commit"


def test_an_output_that_differs_is_named(workspace):
    (workspace / "dvc.lock").write_text(LOCK.format("bbb", "t1"))
    assert verdict(workspace).splitlines()[1:] == ["  differs: models/base"]


def test_other_parameters_have_nothing_recorded(workspace):
    (workspace / "params.yaml").write_text("train: {epochs: 3}\n")
    assert "nothing recorded" in verdict(workspace)


def test_a_repository_without_a_lock_says_so(tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert "records none" in verdict(tmp_path)


def test_outputs_on_one_side_only_differ():
    assert lockfile.differences({"a": "1", "b": "2"}, {"a": "1", "c": "3"}) == ["b", "c"]


def test_where_two_folders_differ_is_said_by_file_and_byte(tmp_path):
    for name, text in (("one", "same"), ("two", "sane")):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "x.txt").write_text(text)
    (tmp_path / "two" / "more").write_text("")
    lines = where(tmp_path / "one", tmp_path / "two")
    assert lines[0].endswith("more: only in the second clone")
    assert "sub/x.txt: first differs at byte 2 of 4" in lines[1]


def test_a_machine_without_git_is_told_that_nothing_was_compared(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no `git`" in verdict(tmp_path)


def test_the_defaults_data_count_only_where_the_pipeline_uses_them():
    recorded = {"data/raw/phantom": "1", "models/base": "2"}
    assert used(recorded, {"models/base": "2"}) == {"models/base": "2"}
    assert used(recorded, {"data/raw/phantom": "3"}) == recorded
