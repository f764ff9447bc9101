"""Which project `cxr` works on: the folder named with --project, or the first one upwards from the working folder."""

import os
import sys
from pathlib import Path

_MARKS = ("dvc.yaml", "params.yaml", "stages")


class NoProject(Exception):
    """There is no project to work on; the message says where was looked and what to do."""


def working_folder() -> Path:
    """Where the user called. NoProject where the folder is gone: nothing could be written beside it."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise NoProject("the working folder was removed; go to one that is there") from None


def find(named: Path | None, start: Path) -> Path:
    """The project's folder, absolute. NoProject where there is none, or where it belongs to another user.

    Its code is run, as `make` and `dvc` do: a folder that somebody else put above the working one must not be.
    """
    if named is not None and not _is_project(named):
        raise NoProject(f"{named}: no project is there (one has {', '.join(_MARKS)})")
    folder = named or next((above for above in (start, *start.parents) if _is_project(above)), None)
    if folder is None:
        raise NoProject(f"{start}: no project is here or above ({', '.join(_MARKS)}); name one: cxr --project FOLDER")
    if named is None and folder.stat().st_uid not in (os.getuid(), 0):
        raise NoProject(f"{folder}: belongs to another user; if its code is to be run: cxr --project {folder}")
    return folder.resolve()


def enter(folder: Path, called_from: Path) -> None:
    """Work in the project's folder, with its code and its settings for numerical libraries, before any of them loads.

    Paths of the command line go on starting where the user called (`CXR_CALLED_FROM`).
    """
    if called_from != folder:
        os.environ["CXR_CALLED_FROM"] = str(called_from)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    settle_environment()


def settle_environment() -> None:
    """What numerical libraries may use of this machine, by params.yaml of the working folder."""
    from cxr.core import determinism  # takes YAML's import, for which `cxr --help` does not wait

    determinism.set_environment()


def _is_project(folder: Path) -> bool:
    return all((folder / mark).exists() for mark in _MARKS)
