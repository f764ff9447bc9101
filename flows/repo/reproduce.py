"""What is stale, run in this folder: by `make repro`, or by `flows.pipeline`, in a flow or not.

One run at a time in a folder: a second one waits and says for whom.
"""

import contextlib
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from cxr.runtime import process_tree
from flows.repo import dvc_repro, status
from flows.repo.repair import mend
from flows.support import overrides, supervised
from flows.support.lock import WorkspaceLock
from flows.support.params_check import faults
from flows.support.python_path import this_python_first

logger = logging.getLogger(__name__)

FAILED, INTERRUPTED = 1, 130  # exit statuses
_LOCK = ".runs/repro.lock"
_FAILED_STAGE = re.compile(r"failed to reproduce '([^']+)'")  # DVC's words


class PipelineFailed(Exception):
    """A stage failed, its own lines were shown before; or params.yaml is wrong. `status` is the exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def run(project: Path, parameters: dict[str, Any], log_lines: bool = False) -> list[str]:
    """Set parameters in params.yaml, ask DVC once what is stale, run that; addresses of what was stale.

    The stages write to the terminal themselves or, with `log_lines`, each line is logged. PipelineFailed where a stage
    fails: with `log_lines` it names the stage and has its last lines. OverrideError where a parameter can't be set.
    """
    with WorkspaceLock(project / _LOCK, "flows.pipeline"):
        for line in mend(project):
            logger.info(line)
        for change in overrides.apply(project / "params.yaml", parameters) if parameters else []:
            logger.info(f"{change} (stays so; `git checkout params.yaml` undoes it)")
        stale = _stale(project)
        if not stale:
            logger.info("nothing is stale: every stage's outputs fit its inputs")
            return []
        logger.info("stale: " + "; ".join(f"{step.address} ({step.stale})" for step in stale))
        _reproduce(project, log_lines)
    return [step.address for step in stale]


def run_in_terminal(project: Path, arguments: list[str]) -> int:
    """`dvc repro ARGUMENTS` on this terminal, once more where it failed over a file of its own that a kill had halved.

    Exit status: 0, 1 (a stage), 130 (interrupted), 128 + N (killed by signal N). PipelineFailed where params.yaml is
    wrong.
    """
    with WorkspaceLock(project / _LOCK, "make repro"):
        if wrong := faults(project):
            raise PipelineFailed(wrong, FAILED)
        ended = _dvc_repro(project, arguments)
        if ended == FAILED and (mended := mend(project)):  # not where it was killed
            print(*mended, "running again", sep="\n", file=sys.stderr, flush=True)
            ended = _dvc_repro(project, arguments)
    return ended


def missing_set(folder: Path = Path()) -> str:
    """A line that says how to get the data that params.yaml names and the folder lacks; empty where they are there."""
    try:
        name = str(yaml.safe_load((folder / "params.yaml").read_text())["ingest"]["set"])
        made = yaml.safe_load((folder / "data/raw/dvc.yaml").read_text())["stages"]
    except (OSError, ValueError, RecursionError, yaml.YAMLError, KeyError, TypeError):
        return ""
    is_name = re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name)  # the stage `check` says what else is wrong
    if not is_name or name in made or (folder / "data/raw" / name).exists():
        return ""
    how = f"`make add-batch SET={name} FROM=folder` puts it there"
    if (folder / f"data/raw/{name}.dvc").exists():
        how = f"`dvc pull data/raw/{name}.dvc` fetches it"
    return f"data/raw/{name}, the set that params.yaml names, is not here: {how}; then run `make repro` again"


def _stale(project: Path) -> list[status.Step]:
    """The stale steps; where DVC can't read the pipeline and params.yaml is the reason, PipelineFailed says how."""
    try:
        return [step for step in status.on_files(project) if step.stale]
    except Exception as error:  # of DVC, which is not imported here
        if wrong := faults(project):
            raise PipelineFailed(wrong, FAILED) from error
        raise


def _reproduce(project: Path, log_lines: bool) -> None:
    ended = supervised.run(
        dvc_repro.command(), project, {"PATH": this_python_first()}, logger.info if log_lines else None
    )
    if ended.status:
        raise PipelineFailed(
            f"{_which(ended.tail)}mend what its last lines say and run the same command again; it starts there",
            ended.status,
        )


def _which(tail: list[str]) -> str:
    """Name of the stage that failed, by DVC's own words, and the last lines; without lines, just that one did."""
    names = [found[1] for line in tail if (found := _FAILED_STAGE.search(line))]
    if not tail:
        return "a stage failed: "
    last = "".join(f"\n  {line}" for line in tail)
    return f"{f'stage {names[-1]}' if names else 'a stage'} failed; its last lines:{last}\n"


def _dvc_repro(project: Path, arguments: list[str]) -> int:
    """Run it in this process group, so that Ctrl-C and kills reach all; wait through an interrupt for its clean end.

    Exit status as `run_in_terminal` says: DVC's own are 251 to 255, whatever failed, and 255 too where Ctrl-C ended a
    stage.
    """
    environment = {**os.environ, "PATH": this_python_first(), process_tree.STARTED_BY: " ".join(_own_group())}
    child = subprocess.Popen(dvc_repro.command(*arguments), cwd=project, env=environment)
    interrupted, ended = False, None
    while ended is None:
        try:
            ended = child.wait()
        except KeyboardInterrupt:
            interrupted = True
    if ended < 0:
        return 128 - ended
    return ended and (INTERRUPTED if interrupted or ended == INTERRUPTED else FAILED)


def _own_group() -> Iterator[str]:
    """This process and its ancestors in its process group (make, a script): a stage ends when one of them is gone.

    Sent into the background or under nohup, make is the last: the shell that started it may go.
    """
    yield str(os.getpid())
    with contextlib.suppress(OSError):  # an ancestor that ends just now
        for pid, _ in process_tree.ancestors(os.getpid()):
            if process_tree.is_detached() and Path(f"/proc/{pid}/comm").read_text().strip() != "make":
                return
            yield str(pid)
