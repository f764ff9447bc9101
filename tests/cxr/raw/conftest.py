"""What tests of raw sets share."""

import pytest

from cxr.raw import add


@pytest.fixture
def without_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC left out of an add."""
    monkeypatch.setattr(add, "_dvc_add", lambda folder: folder.with_name(folder.name + ".dvc").write_text("outs\n"))
