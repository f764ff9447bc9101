"""Reading dvc.lock, as it stands and as it was committed, and the names of cached objects."""

import subprocess
from pathlib import Path

import pytest
import yaml

from cxr.runtime import dvc_lock
from cxr.runtime.previous_outputs import recorded

LOCK = """schema: '2.0'
stages:
  train:
    cmd: python -m stages.train
    outs:
    - path: models/base
      hash: md5
      md5: {0}.dir
    - path: metrics/train.json
      md5: ccc
  check:
    cmd: python -m stages.check
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository whose project lies in a folder of it, with one lock committed and another in the working tree."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "dvc.lock").write_text(LOCK.format("aaa"))
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    (folder / "dvc.lock").write_text(LOCK.format("bbb"))
    return folder


def test_outputs_of_every_stage_are_read_with_their_hashes() -> None:
    assert dvc_lock.outputs(LOCK.format("aaa")) == {"models/base": "aaa.dir", "metrics/train.json": "ccc"}
    assert dvc_lock.entries(LOCK.format("aaa"))["check"] == {"cmd": "python -m stages.check"}
    assert dvc_lock.outputs("") == dvc_lock.entries("") == {}


def test_a_text_that_is_not_yaml_is_an_error() -> None:
    with pytest.raises(yaml.YAMLError):
        dvc_lock.outputs("stages: {train")


def test_a_committed_file_is_read_from_the_top_folder_or_from_the_project(project: Path) -> None:
    for folder, path in ((project, "./dvc.lock"), (project, "project/dvc.lock"), (project.parent, "project/dvc.lock")):
        assert dvc_lock.committed_text(folder, path) == LOCK.format("aaa")
    assert dvc_lock.committed_text(project, "dvc.lock") is None, "the top folder has none"


def test_without_git_or_a_repository_nothing_is_committed(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dvc_lock.committed_text(tmp_path_factory.mktemp("empty"), "dvc.lock") is None
    monkeypatch.setenv("PATH", "")
    assert dvc_lock.committed_text(project, "./dvc.lock") is None


def test_earlier_outputs_are_those_of_the_working_tree_then_those_of_the_commit(project: Path) -> None:
    wanted = ("metrics/train.json", "models/base")
    assert recorded(*wanted, project=project) == [("ccc", "bbb.dir"), ("ccc", "aaa.dir")]
    (project / "dvc.lock").write_text("stages: {train")
    assert recorded(*wanted, project=project) == [("ccc", "aaa.dir")], "a damaged one records nothing"
    assert recorded("models/base", "models/other", project=project) == []


def test_an_object_lies_below_the_first_two_digits_of_its_hash() -> None:
    assert dvc_lock.object_path(Path("cache"), "abcdef.dir") == Path("cache/files/md5/ab/cdef.dir")
