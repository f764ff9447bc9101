"""The flow that a worker runs: one stage, in a workspace of its own. Deployed as `stage/stage-cpu` and `stage-gpu`."""
import re
import time
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from flows.repo import workspace
from flows.server import client
from flows.support import secrets, settings

_PERCENT = re.compile(r"(\d{1,3})%\|")
_PROGRESS_SECONDS = 5.0


@flow(name="stage", persist_result=False, validate_parameters=False)
def stage(order: dict[str, Any]) -> None:
    """Carry out one order; its lock entry is kept with this run. Fails with the stage's last lines."""
    asked = workspace.Order(**order)
    shown = Shown(asked.stage.rpartition(":")[2])
    here = settings.from_environment()
    entry = workspace.carry_out(asked, here, shown)
    shown.finished()
    client.keep({"stage": asked.stage, "attempt": asked.attempt, "entry": entry}, here, shown)


class Shown:
    """Where a stage's lines go: to the run's log, and redrawn progress bars to a progress artifact."""

    def __init__(self, name: str) -> None:
        self._log, self._name = get_run_logger(), name
        self._artifact: Any = None
        self._last = 0.0

    def __call__(self, line: str) -> None:
        """Show one line."""
        line = secrets.without_credentials(line)
        percent = _PERCENT.search(line)
        if percent is None:
            self._log.info(line)
        elif time.monotonic() - self._last > _PROGRESS_SECONDS or percent[1] == "100":
            self._last = time.monotonic()
            self._progress(float(percent[1]), line.split(":")[0])

    def finished(self) -> None:
        """Fill the bar where there is one."""
        if self._artifact is not None:
            self._progress(100.0, "done")

    def _progress(self, percent: float, what: str) -> None:
        try:
            if self._artifact is None:
                self._artifact = create_progress_artifact(percent, key=f"progress-{self._name}", description=what)
            else:
                update_progress_artifact(self._artifact, percent, description=what)
        except Exception as error:  # a progress bar is not worth a run
            self._log.debug("progress not shown: %s", error)
