"""The pipeline in this folder as a Prefect flow: the same function, reported to the server of PREFECT_API_URL.

Reported: the stages' lines in the run's log, progress, and at the end what a run on workers leaves, too
(`flows.deployments.run_summary`).
"""
import re
import sys
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger

from flows.deployments import run_summary
from flows.deployments.stage import Shown
from flows.repo.reproduce import run

_STAGE = re.compile(r"Running stage '(?:[^']*:)?([^':]+)'")  # DVC's words


@flow(name="pipeline-here", persist_result=False, validate_parameters=False)
def pipeline(parameters: dict[str, Any]) -> list[str]:
    """Run what is stale in this folder; addresses of what was. Fails with the name and last lines of a failed stage."""
    show, folder = ByStage(), Path.cwd()
    made = run(folder, parameters, show)
    show.finished()
    run_summary.publish_here(folder, get_run_logger().info)
    return made


class ByStage:
    """Shows lines as `Shown` does, with a progress artifact for each stage; bars are drawn in a terminal, too."""

    def __init__(self) -> None:
        self._shown = Shown("pipeline")

    def __call__(self, line: str) -> None:
        """Show one line."""
        if begins := _STAGE.search(line):
            self.finished()
            self._shown = Shown(begins[1])
        self._shown(line)
        if "%|" in line and sys.stderr.isatty():
            print(f"\r{line}", end="", file=sys.stderr, flush=True)

    def finished(self) -> None:
        """Fill the bar of the stage that ran last."""
        self._shown.finished()
