"""A workspace is there for as long as it is used."""

import pytest

from flows.repo.workspace import temporary
from flows.support.settings import from_environment


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("CXR_WORKSPACES", str(tmp_path))
    return from_environment()


def test_a_temporary_workspace_is_taken_away_also_where_its_work_fails(settings, tmp_path):
    with pytest.raises(KeyError), temporary("one", settings) as workspace:
        (workspace.folder / "data").mkdir(parents=True)
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_one_that_was_never_filled_is_no_fault(settings, tmp_path):
    with temporary("one", settings) as workspace:
        assert workspace.folder == tmp_path / "one" and not workspace.folder.exists()
