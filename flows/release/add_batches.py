"""Takes waiting batches into a commit of their own: added by the one door, objects pushed before the branch.

Main does not know of it until the gate has let the model in that was trained on it.
"""
import logging
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from flows.release.inbox import Waiting
from flows.repo import workspace
from flows.repo.git import HandOverFailed, clone, date_of, git, resolve
from flows.support import commands, overrides
from flows.support.settings import Settings

logger = logging.getLogger(__name__)

SCRATCH, INITIAL = "models/scratch.json", "models/initial"


def section(folder: Path, name: str) -> dict[str, Any]:
    """A section of the workspace's params.yaml."""
    found: dict[str, Any] = yaml.safe_load((folder / "params.yaml").read_text())[name]
    return found


def main_of(folder: Path) -> str:
    """Commit of the git remote's main branch, fetched now."""
    git(folder, "fetch", "-q", "--tags", "--force", "origin", "+refs/heads/*:refs/remotes/origin/*")
    return resolve(folder, "main")


def open_main(folder: Path, settings: Settings) -> str:
    """A workspace at the git remote's main; its commit."""
    clone(folder, settings.git)
    commit = resolve(folder, "main")
    git(folder, "checkout", "-q", "--detach", commit)
    workspace.configure(folder, settings)
    return commit


def join(folder: Path, key: str, batches: Sequence[Waiting], champion: Path, settings: Settings) -> str:
    """Commit that holds the batches and where training starts, on main as it is in the workspace, pushed.

    The same batches on the same main are the same branch: one that was pushed before is taken over.
    """
    main = git(folder, "rev-parse", "HEAD")
    branch = f"retrain/{key}-{main[:12]}"
    if git(folder, "ls-remote", "origin", f"refs/heads/{branch}"):
        git(folder, "fetch", "-q", "origin", f"refs/heads/{branch}")
        git(folder, "checkout", "-q", "--detach", "FETCH_HEAD")
        logger.info(f"{branch} holds these batches already; taken over")
        return git(folder, "rev-parse", "HEAD")
    name = section(folder, "ingest")["set"]
    added = [_add(folder, batch, name, settings) for batch in batches]
    start = _start(folder, champion)
    _push_objects(folder, [f"data/raw/{name}.dvc", *start], settings)
    _commit(folder, name, f"Retrain with {', '.join(added)}", main)
    git(folder, "push", "-q", "origin", f"HEAD:refs/heads/{branch}")
    return git(folder, "rev-parse", "HEAD")


def _add(folder: Path, batch: Waiting, name: str, settings: Settings) -> str:
    """Through the one door of new data; the set's earlier batches are pulled first, since it checks them."""
    if (folder / "data" / "raw" / f"{name}.dvc").exists() and not (folder / "data" / "raw" / name).exists():
        workspace.pull(folder, [f"data/raw/{name}"], settings)
    _, said = commands.run(folder, settings, "cxr.raw", "add", "--set", name, "--from", str(batch.folder))
    logger.info(f"{batch.folder.name}: {said.splitlines()[0] if said else 'added'}")
    return batch.folder.name


def _start(folder: Path, champion: Path) -> list[str]:
    """Settle where training starts, by retrain.warm_start; the .dvc files that hold it."""
    warm = section(folder, "retrain")["warm_start"]
    overrides.apply(folder / "params.yaml", {"train.initial": INITIAL if warm else SCRATCH})
    if not warm:
        return []
    shutil.rmtree(folder / INITIAL, ignore_errors=True)
    shutil.copytree(champion, folder / INITIAL)
    ended = subprocess.run([sys.executable, "-m", "dvc", "add", "--quiet", INITIAL], cwd=folder, capture_output=True,
                           text=True)
    if ended.returncode:
        raise HandOverFailed(f"dvc add {INITIAL} failed: {ended.stderr.strip().splitlines()[-1:]}")
    return [f"{INITIAL}.dvc"]


def _push_objects(folder: Path, files: Sequence[str], settings: Settings) -> None:
    for file in files:
        workspace.push_file(folder, file, settings)


def _commit(folder: Path, name: str, title: str, main: str) -> None:
    """Commit pointers, ledger and parameters: named files, with the date of main, so that it is the same again."""
    files = [f"data/raw/{name}.dvc", f"data/raw/{name}.ledger", "data/raw/.gitignore", f"{INITIAL}.dvc",
             "models/.gitignore", "params.yaml"]
    git(folder, "add", "--", *(file for file in files if (folder / file).exists()))
    git(folder, "commit", "-q", "-m", title, environment=date_of(folder, main))
