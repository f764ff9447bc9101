"""Reads what dvc.lock records, in a working tree or in a commit, and says where DVC's cache keeps an object.

Only reading: flows write dvc.lock through DVC (`flows.repo.lockfile`). DVC itself is not imported, which takes half a
second.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

NAME = "dvc.lock"

Entry = dict[str, Any]  # what dvc.lock holds of one stage: cmd, deps, params, outs


def entries(text: str) -> dict[str, Entry]:
    """Stage to its entry in the text of a dvc.lock; empty where the text is. YAMLError where it is not YAML."""
    found: dict[str, Entry] = (yaml.safe_load(text) or {}).get("stages", {})
    return found


def outputs(text: str) -> dict[str, str]:
    """Output path to its MD5 (a folder's ends in `.dir`), of every stage in the text of a dvc.lock.

    A text that is not a whole dvc.lock raises YAMLError, KeyError, TypeError or AttributeError.
    """
    return {out["path"]: str(out["md5"]) for entry in entries(text).values() for out in entry.get("outs", [])}


def committed_text(project: Path, path: str, revision: str = "HEAD") -> str | None:
    """Text of a file in a commit, None where the commit has no such file, or where there is no git or repository.

    `path` counts from the repository's top folder; with `./` in front from `project`.
    """
    if shutil.which("git") is None:
        return None
    shown = subprocess.run(["git", "show", f"{revision}:{path}"], cwd=project, capture_output=True, check=False)
    return shown.stdout.decode(errors="replace") if shown.returncode == 0 else None


def object_path(store: Path, md5: str) -> Path:
    """Where a DVC cache, or a remote, keeps an object: `files/md5/ab/cdef...`; `md5` may end in `.dir`."""
    return store / "files" / "md5" / md5[:2] / md5[2:]
