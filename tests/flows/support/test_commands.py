"""The commands of stages and of serving, asked in a workspace that holds any commit."""

import sys
from pathlib import Path

import pytest

from flows.repo.workspace import Workspace
from flows.support import commands
from flows.support.settings import from_environment

SHOWN = "import json, sys; print(json.dumps([__spec__.name, *sys.argv[1:]]))\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty folder that code of any time can be put into."""
    return Workspace(tmp_path, from_environment())


def hold(workspace: Workspace, *modules: str) -> None:
    """Put modules into the workspace that print their own names and arguments as JSON."""
    for module in modules:
        path = (workspace.folder / module.replace(".", "/")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for package in path.relative_to(workspace.folder).parents[:-1]:
            (workspace.folder / package / "__init__.py").touch()
        path.write_text(SHOWN)


@pytest.mark.parametrize(("today", "former"), commands._FORMER.items())
def test_a_commit_of_one_release_ago_is_asked_by_the_names_of_that_time(workspace, today, former):
    hold(workspace, former)
    assert commands.answer(workspace, today, "--json") == [former, "--json"]


@pytest.mark.parametrize(("today", "former"), commands._FORMER.items())
def test_a_commit_of_today_is_asked_by_todays_names_whatever_else_lies_there(workspace, today, former):
    hold(workspace, today, former)
    assert commands.answer(workspace, today) == [today]


def test_a_command_that_fails_is_refused_with_its_last_lines_and_one_that_is_silent_with_its_name(workspace):
    (workspace.folder / "loud.py").write_text("raise SystemExit('labels.csv: row 17')")
    (workspace.folder / "silent.py").write_text("raise SystemExit(3)")
    with pytest.raises(commands.Refused, match=r"^labels.csv: row 17$"):
        commands.run(workspace, "loud")
    with pytest.raises(commands.Refused, match="python -m silent ended with exit status 3"):
        commands.run(workspace, "silent")
    assert commands.run(workspace, "silent", accept=(0, 3)) == (3, "")


def test_a_command_finds_production_and_this_python(workspace):
    (workspace.folder / "shown.py").write_text(
        "import json, os, sys; print(json.dumps([os.environ['CXR_PRODUCTION'], sys.executable]))"
    )
    assert commands.answer(workspace, "shown") == [str(workspace.settings.production), sys.executable]
