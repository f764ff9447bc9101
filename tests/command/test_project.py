"""Which project `cxr` works on."""

import os
from pathlib import Path

import pytest

from command import project


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder that is a project, as far as `cxr` looks."""
    folder = tmp_path / "project"
    (folder / "stages").mkdir(parents=True)
    for name in ("dvc.yaml", "params.yaml"):
        (folder / name).touch()
    return folder


def test_it_is_the_first_one_upwards(made):
    below = made / "data" / "raw"
    below.mkdir(parents=True)
    assert project.find(None, below) == made


def test_the_named_one_goes_before(made, root):
    assert project.find(made, root) == made


@pytest.mark.parametrize("lacks", ["dvc.yaml", "params.yaml", "stages"])
def test_a_folder_that_is_no_project_is_named(made, lacks):
    (made / lacks).rename(made / "other")
    with pytest.raises(project.NoProject, match="project: no project is there"):
        project.find(made, made)
    with pytest.raises(project.NoProject, match="no project is here or above"):
        project.find(None, made)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_code_of_another_user_is_run_only_where_it_is_named(made, monkeypatch):
    os.chown(made, 1234, 1234)
    with pytest.raises(project.NoProject, match="belongs to another user"):
        project.find(None, made)
    assert project.find(made, made) == made
