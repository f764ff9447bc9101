"""The page that a run leaves on the server is the one that the code in the workspace writes."""
from pathlib import Path

import pytest

from flows.deployments import run_summary
from flows.repo.workspace import Workspace
from flows.support.settings import from_environment
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
        project: Project, workspace: Workspace, content: str | None) -> None:
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
        project: Project, workspace: Workspace, said) -> None:
    (project.checkout / "stages/report/run_summary.py").unlink()
    assert run_summary.page(workspace, "Version **v0.0.1**", None) == (
        "# Pipeline run\n\nVersion **v0.0.1**\n")
    assert any("the summary only says where the outputs are" in line for line in said.lines)


def test_of_the_metrics_that_a_folder_holds_the_page_of_its_own_code_is_published(
        project: Project, workspace: Workspace) -> None:
    (project.checkout / "metrics").mkdir()
    (project.checkout / "metrics/evaluate.json").write_text('{"base": {"auroc": {"macro": 0.903}}}')
    assert "| base.auroc.macro | 0.9030 | n/a | n/a |" in run_summary.page(workspace, "there", None)
