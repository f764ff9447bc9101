"""What the tests of retraining and promotion share."""

import os
import sys
from pathlib import Path

import pytest

from flows.support.settings import Settings, from_environment
from tests.fixtures import flows_production as played
from tests.fixtures.flows_project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A set `demo` with one batch; nothing was run."""
    return played.project(tmp_path)


@pytest.fixture
def settings(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """This machine's settings, v0.0.1 in production."""
    for key, value in {
        **project.environment(tmp_path / "machine"),
        "CXR_PRODUCTION": str(tmp_path / "production"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }.items():
        monkeypatch.setenv(key, value)
    played.put(tmp_path / "production", "v0.0.1")
    return from_environment()
