"""Takes waiting batches into a commit of their own: added by the one door, objects pushed before the branch.

Main does not know of it until the gate has let the model in that was trained on it.
"""

import logging
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.release.inbox import Waiting
from flows.repo.git import HandOverFailed
from flows.repo.workspace import Workspace
from flows.support import commands, overrides

logger = logging.getLogger(__name__)

SCRATCH, INITIAL = "models/scratch.json", "models/initial"


def join(workspace: Workspace, key: str, batches: Sequence[Waiting], champion: Path) -> str:
    """Commit that holds the batches and where training starts, on main as it is in the workspace, pushed.

    The same batches on the same main are the same branch: one that was pushed before is taken over.
    """
    main = workspace.git("rev-parse", "HEAD")
    branch = f"retrain/{key}-{main[:12]}"
    if workspace.git("ls-remote", "origin", f"refs/heads/{branch}"):
        workspace.git("fetch", "-q", "origin", f"refs/heads/{branch}")
        workspace.git("checkout", "-q", "--detach", "FETCH_HEAD")
        logger.info(f"{branch} holds these batches already; taken over")
        return workspace.git("rev-parse", "HEAD")
    name = workspace.section("ingest")["set"]
    added = [_add(workspace, batch, name) for batch in batches]
    start = _start(workspace, champion)
    for file in (f"data/raw/{name}.dvc", *start):
        workspace.push_file(file)
    _commit(workspace, name, f"Retrain with {', '.join(added)}", main)
    workspace.git("push", "-q", "origin", f"HEAD:refs/heads/{branch}")
    return workspace.git("rev-parse", "HEAD")


def _add(workspace: Workspace, batch: Waiting, name: str) -> str:
    """Through the one door of new data; the set's earlier batches are pulled first, since it checks them."""
    raw = workspace.folder / "data" / "raw"
    if (raw / f"{name}.dvc").exists() and not (raw / name).exists():
        workspace.pull([f"data/raw/{name}"])
    _, output = commands.run(workspace, "cxr.raw", "add", "--set", name, "--from", str(batch.folder))
    said = [line for line in output.split("\n") if line and not line.startswith("to commit: ")]
    logger.info(f"{batch.folder.name}: {'; '.join(said) or 'added'}")
    return batch.folder.name


def _start(workspace: Workspace, champion: Path) -> list[str]:
    """Settle where training starts, by retrain.warm_start; the .dvc files that hold it."""
    warm = workspace.section("retrain")["warm_start"]
    overrides.apply(workspace.folder / "params.yaml", {"train.initial": INITIAL if warm else SCRATCH})
    if not warm:
        return []
    shutil.rmtree(workspace.folder / INITIAL, ignore_errors=True)
    shutil.copytree(champion, workspace.folder / INITIAL)
    ended = subprocess.run(
        [sys.executable, "-m", "dvc", "add", "--quiet", INITIAL], cwd=workspace.folder, capture_output=True, text=True
    )
    if ended.returncode:
        raise HandOverFailed(f"dvc add {INITIAL} failed: {ended.stderr.strip().splitlines()[-1:]}")
    return [f"{INITIAL}.dvc"]


def _commit(workspace: Workspace, name: str, title: str, main: str) -> None:
    """Commit pointers, ledger and parameters: named files, with the date of main, so that it is the same again."""
    files = [
        f"data/raw/{name}.dvc",
        f"data/raw/{name}.ledger",
        "data/raw/.gitignore",
        f"{INITIAL}.dvc",
        "models/.gitignore",
        "params.yaml",
    ]
    workspace.git("add", "--", *(file for file in files if (workspace.folder / file).exists()))
    workspace.commit(title, main)
