"""Which files below a folder are scored, and what is passed over."""

import os
from pathlib import Path

import pytest

from serving.score import files
from serving.score.files import find


def test_a_closed_folder_is_refused_but_not_one_that_a_system_keeps_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("lost+found", "ward"):
        (tmp_path / folder).mkdir()
    scandir = os.scandir

    def closed(folder: Path) -> object:
        """As for a user who may not enter."""
        if Path(folder) != tmp_path:
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(files.os, "scandir", closed)
    found = find(tmp_path, 1000)
    assert [(refused.source, refused.reason) for refused in found.refused] == [("ward/", "unreadable")]
    assert found.others == 1
