"""Asks a stage's command for a small JSON answer, or for a deed: flows never import a stage."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from flows.repo.workspace import Workspace
from flows.support import secrets
from flows.support.python_path import this_python_first
from flows.support.settings import Settings

# What a command was called up to one release ago: a commit of that time, checked out in a workspace, has no other name.
_FORMER = {
    "cxr.raw": "stages.batches",
    "serving.gate": "stages.gate",
    "serving.registry": "stages.production",
    "serving.score.latency": "stages.score.latency",
}


class Refused(Exception):
    """A stage's command ended with an error; the message is what it said."""


def run(workspace: Workspace, module: str, *arguments: str, accept: tuple[int, ...] = (0,)) -> tuple[int, str]:
    """Run `python -m MODULE ARGUMENTS` in a workspace; exit status and output. Refused with its last lines."""
    command = [sys.executable, "-m", _named(workspace.folder, module), *arguments]
    ended = subprocess.run(
        command, cwd=workspace.folder, env=environment(workspace.settings), capture_output=True, text=True
    )
    if ended.returncode not in accept:
        last = [line for line in (ended.stderr or ended.stdout).splitlines() if line.strip()][-5:]
        raise Refused(
            secrets.without_credentials("\n".join(last))
            or f"python -m {module} ended with exit status {ended.returncode}"
        )
    return ended.returncode, ended.stdout


def answer(workspace: Workspace, module: str, *arguments: str) -> Any:
    """The JSON that the command prints."""
    return json.loads(run(workspace, module, *arguments)[1])


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment without what is the server's, this python first, production's place settled."""
    return {
        **secrets.for_stages(os.environ),
        "PATH": this_python_first(),
        "CXR_PRODUCTION": str(settings.production),
        "CXR_CACHE": str(settings.scratch),
        "CXR_LOGGED": "1",
        "DVC_NO_ANALYTICS": "1",
    }


def _named(folder: Path, module: str) -> str:
    """The module's name in the code that the folder holds."""
    is_there = (folder / module.split(".")[0]).is_dir()
    return module if is_there else _FORMER.get(module, module)
