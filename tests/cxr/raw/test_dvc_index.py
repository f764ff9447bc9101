"""DVC's index of a private set stays in the checkout: its own place can be read by all users of a machine."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.raw import dvc_index


@pytest.fixture
def checkout(here, monkeypatch):
    """A folder with DVC in it."""
    monkeypatch.delenv("DVC_SITE_CACHE_DIR", raising=False)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q", "--no-scm"], check=True)


@pytest.mark.usefixtures("checkout")
def test_the_index_is_kept_in_the_checkout_for_its_owner_alone():
    assert dvc_index.is_shared()
    dvc_index.keep_here()
    assert not dvc_index.is_shared()
    Path("data").mkdir()
    Path("data/Mueller.png").write_bytes(b"1")
    subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "data"], check=True)
    assert any(b"Mueller" in path.read_bytes() for path in dvc_index.HERE.rglob("cache.db*"))
    assert stat.S_IMODE(dvc_index.HERE.stat().st_mode) == 0o700


@pytest.mark.usefixtures("checkout")
def test_what_the_checkout_has_in_the_shared_place_goes():
    Path("data").mkdir()
    Path("data/Mueller.png").write_bytes(b"1")
    subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "data"], check=True)
    shared = Path(printed("from dvc.repo import Repo; print(Repo().site_cache_dir)"))
    assert any(b"Mueller" in path.read_bytes() for path in shared.rglob("cache.db*"))
    dvc_index.keep_here()
    assert not shared.exists()


def printed(code: str) -> str:
    """What Python prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.usefixtures("checkout")
def test_another_place_that_somebody_chose_is_left_alone(monkeypatch, tmp_path):
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "own"))
    assert not dvc_index.is_shared()
    dvc_index.keep_here()
    assert not Path(".dvc/config.local").exists()


@pytest.mark.usefixtures("here")
def test_without_dvc_nothing_is_said():
    assert not dvc_index.is_shared()
