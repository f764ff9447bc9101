"""The checkout: its commit, its set-up, the packages it runs with, room on the disks that it writes to."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from importlib import metadata
from pathlib import Path

from command.doctor.machine import gib
from cxr.core import environment

_PACKAGES = (
    "cxr-pipeline",
    "tensorflow",
    "tf-keras",
    "tensorflow-model-optimization",
    "ai-edge-litert",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "opencv-python-headless",
    "pydantic",
    "great-expectations",
    "shap",
    "dvc",
    "dvc-s3",
    "dvc-ssh",
    "gto",
    "prefect",
    "fastapi",
    "starlette",
)
_SECONDS = 1.0  # of git: a checkout on a slow network disk shall not hold everything up


def python(_: Path) -> str:
    """Version and place of the interpreter."""
    return f"{sys.version.split()[0]} ({sys.executable})"


def version(name: str, _: Path) -> str:
    """The installed version of a distribution."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def commit(top: Path) -> str:
    """The commit that is checked out, and how many files differ from it."""
    head = git(top, "rev-parse", "--short=12", "HEAD")
    changed = len(git(top, "status", "--porcelain").splitlines())
    return head + (f", {changed} files changed" if changed else ", clean")


def git(top: Path, *arguments: str) -> str:
    """What git prints. OSError with its last line where it refuses, or has not answered in a second."""
    try:
        ended = subprocess.run(["git", *arguments], cwd=top, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"git {arguments[0]} took more than {_SECONDS:.0f} s") from error
    if ended.returncode:
        raise OSError(next(reversed(ended.stderr.splitlines()), "git said nothing"))
    return ended.stdout.strip()


def set_up(top: Path) -> str:
    """Whether .venv is as the locked requirements have it, judged as make does: by the files' times."""
    marks = sorted((top / ".venv").glob(".ready-*"))
    if not marks:
        return "no .venv of `make setup` here"
    return "; ".join(freshness(top, mark) for mark in marks)


def freshness(top: Path, mark: Path) -> str:
    """What make would say of one finished set-up."""
    extra = mark.name.removeprefix(".ready-")
    folder = top / "requirements"
    newer = [
        name
        for name in (f"{extra}.txt", "uv.txt", "setup.sh")
        if (folder / name).exists() and (folder / name).stat().st_mtime > mark.stat().st_mtime
    ]
    return f"{extra}: " + (
        f"older than requirements/{', '.join(newer)}: `make setup EXTRA={extra}`" if newer else "up to date"
    )


def free(folder: Callable[[Path], Path], top: Path) -> str:
    """Room on the disk that a folder is on, or will be."""
    place = top / folder(top)
    there = next(path for path in (place, *place.absolute().parents) if path.exists())
    room = shutil.disk_usage(there)
    yet = "" if place.exists() else ", not there yet"
    return f"{gib(room.free)} free of {gib(room.total)} ({place.absolute()}{yet})"


def _versions(names: Iterable[str]) -> dict[str, Callable[[Path], str]]:
    return {name: partial(version, name) for name in names}


SOFTWARE: dict[str, Callable[[Path], str]] = {"python": python, **_versions(_PACKAGES)}
LINES: dict[str, Callable[[Path], str]] = {"commit": commit, "set-up": set_up}
DISK: dict[str, Callable[[Path], str]] = {
    "project": partial(free, lambda _: Path()),
    "cache": partial(free, lambda _: environment.cache()),
    "dvc cache": partial(free, lambda _: Path(".dvc/cache")),
    ".runs": partial(free, lambda _: Path(".runs")),
    "tmp": partial(free, lambda _: Path(tempfile.gettempdir())),
}
