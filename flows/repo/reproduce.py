"""What is stale, run in this folder with each stage's live output: called by `flows.pipeline`, in a flow or not."""
import logging
import re
import sys
from pathlib import Path
from typing import Any

from flows.repo import status
from flows.repo.repair import mend
from flows.support import overrides, supervised
from flows.support.lock import WorkspaceLock
from flows.support.params_check import faults
from flows.support.python_path import this_python_first

logger = logging.getLogger(__name__)

_FAILED = re.compile(r"failed to reproduce '([^']+)'")


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
    with WorkspaceLock(project / ".runs" / "repro.lock", "flows.pipeline"):
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


def _stale(project: Path) -> list[status.Step]:
    """The stale steps; where DVC can't read the pipeline and params.yaml is the reason, PipelineFailed says how."""
    try:
        return [step for step in status.on_files(project) if step.stale]
    except Exception as error:  # of DVC, which is not imported here
        if wrong := faults(project):
            raise PipelineFailed(wrong, 1) from error
        raise


def _reproduce(project: Path, log_lines: bool) -> None:
    ended = supervised.run([sys.executable, "-m", "dvc", "repro"], project, {"PATH": this_python_first()},
                           logger.info if log_lines else None)
    if ended.status:
        raise PipelineFailed(f"{_which(ended.tail)}mend what its last lines say and run the same command again; it "
                             "starts there", ended.status)


def _which(tail: list[str]) -> str:
    """Name of the stage that failed, by DVC's own words, and the last lines; without lines, just that one did."""
    names = [found[1] for line in tail if (found := _FAILED.search(line))]
    if not tail:
        return "a stage failed: "
    last = "".join(f"\n  {line}" for line in tail)
    return f"{f'stage {names[-1]}' if names else 'a stage'} failed; its last lines:{last}\n"
