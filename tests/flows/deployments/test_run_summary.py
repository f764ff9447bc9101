"""The page that a run leaves on the server is the one that the code in the workspace writes."""

from pathlib import Path

import pytest

from flows.deployments import run_summary
from flows.repo.record import Recorded
from flows.repo.workspace import Workspace
from flows.support.settings import Settings, from_environment
from tests.fixtures.flows_project import Project, git, make

PLAYED = """
import itertools, pathlib, sys
given = dict(itertools.pairwise(sys.argv))
before = pathlib.Path(given["--before"]).read_text() if "--before" in given else None
pathlib.Path(given["--out"]).write_text(repr((given["--where"], given.get("--version"), before)))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The miniature."""
    made = make(tmp_path, ["check", "ingest"])
    for key, value in made.environment(tmp_path / "machine").items():
        monkeypatch.setenv(key, value)
    return made


@pytest.fixture
def workspace(project: Project) -> Workspace:
    """The miniature's checkout with this machine's settings."""
    return Workspace(project.checkout, from_environment())


def writes_a_page(folder: Path) -> None:
    """Give the folder's code the command, played."""
    (folder / "stages/report/run_summary.py").write_text(PLAYED)


@pytest.mark.parametrize("content", [None, "not json", '{"base": 1}'])
def test_the_page_is_asked_for_with_the_metrics_of_the_version_before_where_they_can_be_had(
    project: Project, workspace: Workspace, content: str | None
) -> None:
    if content is not None:
        (project.checkout / "metrics").mkdir()
        (project.checkout / "metrics" / "evaluate.json").write_text(content)
        git(project.checkout, "add", "-f", "metrics/evaluate.json")
        git(project.checkout, "commit", "-q", "-m", "old")
    git(project.checkout, "tag", "model@v0.0.1")
    writes_a_page(project.checkout)
    shown = run_summary.page(workspace, "there", "model@v0.0.1")
    assert shown == repr(("there", "model@v0.0.1", content or ""))
    assert run_summary.page(workspace, "there", None) == repr(("there", None, None))


def test_of_a_commit_whose_code_writes_no_page_it_is_said_where_its_outputs_are(
    project: Project, workspace: Workspace, said
) -> None:
    (project.checkout / "stages/report/run_summary.py").unlink()
    assert run_summary.page(workspace, "Version **v0.0.1**", None) == ("# Pipeline run\n\nVersion **v0.0.1**\n")
    assert any("the summary only says where the outputs are" in line for line in said.lines)


def test_of_the_metrics_that_a_folder_holds_the_page_of_its_own_code_is_published(
    project: Project, workspace: Workspace
) -> None:
    (project.checkout / "metrics").mkdir()
    (project.checkout / "metrics/evaluate.json").write_text('{"base": {"auroc": {"macro": 0.903}}}')
    assert "| base.auroc.macro | 0.9030 | n/a | n/a |" in run_summary.page(workspace, "there", None)


RECORDED = Recorded("0123456789abcdef", "runs/abc", "v0.0.3")


def test_where_the_server_holds_repository_and_store_the_commands_name_them(tmp_path: Path) -> None:
    home = tmp_path / "home"
    own = Settings(CXR_PROJECT=tmp_path, home=home, git=str(home / "git"), remote=str(home / "store"))
    words = run_summary._where(RECORDED, own)
    assert f"`git fetch --tags {home}/git runs/abc && git checkout 0123456789ab && " in words
    assert f"dvc remote add -q -f --local own {home}/store && dvc pull -r own`" in words


def test_an_address_that_may_hold_a_password_is_not_shown(tmp_path: Path) -> None:
    team = Settings(CXR_PROJECT=tmp_path, git="https://me:secret@example.org/a.git", remote="s3://key:secret@b")
    words = run_summary._where(RECORDED, team)
    assert "`git fetch && git checkout 0123456789ab && dvc pull`" in words and "secret" not in words


def test_a_run_ends_with_its_version_and_headline_figures(workspace: Workspace, said) -> None:
    (workspace.folder / "stages/report/headline.py").write_text("print('Macro AUROC 0.9\\nReport x')")
    run_summary._log_headline(workspace, RECORDED)
    assert said.lines[-2:] == ["version v0.0.3, commit 0123456789ab on branch runs/abc", "Macro AUROC 0.9"]
    (workspace.folder / "stages/report/headline.py").unlink()
    run_summary._log_headline(workspace, None)
    assert said.lines[-1].startswith("no headline figures: ")
