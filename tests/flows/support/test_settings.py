"""Where flows find the project, its remotes and this machine's folders."""

from pathlib import Path

import pytest

from flows.server import deploy
from flows.support.settings import from_environment


def test_without_variables_the_project_is_the_checkout_that_holds_flows(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXR_PROJECT", raising=False)
    assert from_environment().project == root == deploy.CODE
    assert (deploy.CODE / "prefect.yaml").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CXR_PORT", "99999999"),
        ("CXR_PATIENCE_SECONDS", "long"),
        ("CXR_STAGE_ATTEMPTS", "0"),
        ("CXR_SCHEDULES", "perhaps"),
    ],
)
def test_a_variable_that_cannot_be_meant_is_named_in_one_line(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match=f"^{name}: .*got '{value}'"):
        from_environment()


def test_folders_that_are_not_named_lie_below_the_project_and_an_empty_name_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("CXR_PROJECT", str(tmp_path))
    monkeypatch.setenv("CXR_CACHE", "")
    monkeypatch.setenv("CXR_REMOTE", "")
    found = from_environment()
    assert (found.home, found.scratch) == (tmp_path / ".prefect", tmp_path / ".prefect/scratch")
    assert (found.git, found.git_is_named, found.remote) == (str(tmp_path / ".prefect/git"), False, None)
    assert found.production == tmp_path / "production"


def test_no_pool_at_all_is_not_all_pools(monkeypatch):
    assert from_environment().pools_here is None
    monkeypatch.setenv("CXR_POOLS_HERE", "")
    assert from_environment().pools_here == ""


def test_settings_that_are_shown_show_no_address_and_no_password(monkeypatch):
    for name in ("CXR_AUTH", "CXR_GIT", "CXR_REMOTE"):
        monkeypatch.setenv(name, "user:hunter2@host")
    assert "hunter2" not in repr(from_environment())
