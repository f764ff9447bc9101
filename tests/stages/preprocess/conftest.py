"""What tests of preprocess start from."""

from pathlib import Path

import pytest

from tests.fixtures.toy_set import Toy


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A set of 12 images in an empty working folder, decoded in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CXR_WORKERS", "1")
    monkeypatch.delenv("CXR_CACHE", raising=False)
    made = Toy(tmp_path)
    made.add(*range(12))
    return made
