"""What the tests of data share: a working folder of their own, and no other processes where a test wants none."""
import pytest

from stages.ingest import facts


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder of its own, entered."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def in_this_process(monkeypatch):
    """Ingest decodes in this process: starting others costs seconds."""
    monkeypatch.setattr(facts, "spread", lambda function, items, processes: enumerate(map(function, items)))
