"""What the tests of scoring share."""

from pathlib import Path

import pytest

from serving.score import run
from tests.fixtures import scored_place as made


@pytest.fixture
def place(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a model in production, entered."""
    monkeypatch.chdir(tmp_path)
    for name in ("CXR_PRODUCTION", "CXR_CACHE"):
        monkeypatch.delenv(name, raising=False)
    return made.make(tmp_path, root)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting other processes costs seconds."""
    monkeypatch.setattr(
        run.process_pool,
        "map_unordered",
        lambda function, items, processes, chunk: ((index, function(item)) for index, item in enumerate(items)),
    )
