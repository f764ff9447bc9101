"""Promotion by hand, as far as it needs neither a version nor a server."""

from pathlib import Path

import pytest

from flows.release import promotion
from flows.repo.git import HandOverFailed
from flows.support.settings import Settings


def test_where_nothing_was_recorded_yet_a_version_is_refused_in_words_of_ours(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = Settings(CXR_PROJECT=tmp_path, home=home, git=str(home / "git"), workspaces=tmp_path / "workspaces")
    with pytest.raises(HandOverFailed, match=r"^no version v9\.9\.9 is recorded: nothing was run on workers here yet"):
        promotion.promote("v9.9.9", settings)
    assert not (tmp_path / "workspaces").exists()
