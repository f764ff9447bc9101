"""What is pulled before the gate judges: what the commit's own gate says, or everything where it can't say."""

from pathlib import Path

import pytest

from flows.release import gate
from flows.repo.git import git
from flows.repo.workspace import Workspace
from flows.support import commands
from flows.support.settings import Settings, from_environment
from tests.fixtures import flows_production as played

TRACKED = [
    "data/params.ok",
    "data/manifest.parquet",
    "data/processed",
    "data/processed-else",
    "data/raw/demo",
    "models/base",
    "reports/index.html",
]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a machine with the miniature, v0.0.1 in production."""
    project = played.project(tmp_path)
    for key, value in {
        **project.environment(tmp_path / "machine"),
        "CXR_PRODUCTION": str(tmp_path / "production"),
    }.items():
        monkeypatch.setenv(key, value)
    played.put(tmp_path / "production", "v0.0.1")
    return from_environment()


@pytest.fixture
def pulled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked for; nothing is fetched."""
    asked: list[str] = []
    monkeypatch.setattr(Workspace, "tracked", lambda _: dict.fromkeys(TRACKED, "0" * 32))
    monkeypatch.setattr(Workspace, "pull", lambda _, paths: asked.extend(paths))
    return asked


def test_what_the_gate_names_is_pulled_and_nothing_else(settings: Settings, pulled: list[str]) -> None:
    gate.prepare(Workspace(settings.project, settings), git(settings.project, "rev-parse", "HEAD"))
    assert pulled == ["data/manifest.parquet", "data/processed", "models/base"]


def test_a_commit_whose_gate_cannot_say_it_yet_gets_all_that_is_cached(settings: Settings, pulled: list[str]) -> None:
    (settings.project / "serving/gate.py").write_text("import argparse; argparse.ArgumentParser().parse_args()")
    git(settings.project, "commit", "-qam", "an older gate")
    gate.prepare(Workspace(settings.project, settings), git(settings.project, "rev-parse", "HEAD"))
    assert pulled == TRACKED[1:]


def test_a_gate_that_fails_is_said(settings: Settings, pulled: list[str]) -> None:
    (settings.project / "serving/gate.py").write_text("raise SystemExit('gate: params.yaml: wrong')")
    git(settings.project, "commit", "-qam", "a broken gate")
    with pytest.raises(commands.Refused, match=r"gate: params.yaml: wrong"):
        gate.prepare(Workspace(settings.project, settings), git(settings.project, "rev-parse", "HEAD"))
    assert pulled == []
