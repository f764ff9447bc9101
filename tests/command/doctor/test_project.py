"""What is told of the checkout."""

import os
import subprocess
from pathlib import Path

import pytest

from command.doctor import project


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").touch()
    for command in (
        ("init", "-q"),
        ("add", "a.txt"),
        ("-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", "start"),
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def test_the_commit_is_clean_or_not(checkout: Path) -> None:
    assert project.commit(checkout).endswith(", clean")
    (checkout / "a.txt").write_text("changed")
    assert project.commit(checkout).endswith(", 1 files changed")


def test_git_that_hangs_holds_nobody_up(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / "bin").mkdir()
    (checkout / "bin/git").write_text("#!/bin/sh\nexec sleep 30\n")
    (checkout / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{checkout / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(project, "_SECONDS", 0.1)
    with pytest.raises(OSError, match="git rev-parse took more than"):
        project.commit(checkout)


def test_a_set_up_older_than_its_requirements_is_said(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / ".venv").mkdir()
    mark, lock = tmp_path / ".venv/.ready-serve", tmp_path / "requirements/serve.txt"
    mark.touch()
    lock.touch()
    os.utime(mark, (2000, 2000))
    os.utime(lock, (1000, 1000))
    assert project.set_up(tmp_path) == "serve: up to date"
    os.utime(lock, (3000, 3000))
    assert project.set_up(tmp_path) == "serve: older than requirements/serve.txt: `make setup EXTRA=serve`"


def test_a_package_that_is_not_installed_is_said() -> None:
    assert project.version("no-such-distribution", Path()) == "not installed"


def test_room_is_told_of_a_folder_that_is_yet_to_be(tmp_path: Path) -> None:
    assert project.free(lambda _: Path("later/on"), tmp_path).endswith(f"({tmp_path}/later/on, not there yet)")
