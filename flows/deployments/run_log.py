"""What flows log inside a Prefect run: to the run's log, and redrawn progress bars to a progress artifact."""

import logging
import re
import sys
import time
from typing import Any

from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from flows.support import logs

_PERCENT = re.compile(r"(\d{1,3})%\|")
_STAGE = re.compile(r"Running stage '(?:[^']*:)?([^':]+)'")  # DVC's words
_PROGRESS_SECONDS = 5.0


class RunLog(logging.Handler):
    """Forwards records to the log of the run, or task run, in whose context they are made.

    Each stage that DVC says it runs has a progress artifact of its own; `name` is what runs before the first of them.
    With `terminal`, bars are drawn there, too.
    """

    def __init__(self, name: str, terminal: bool = False) -> None:
        super().__init__()
        self._stage, self._terminal = name, terminal
        self._artifact: Any = None
        self._last = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Send a line to the run's log, or to its progress artifact where it is a redrawn progress bar."""
        line = record.getMessage()
        if begins := _STAGE.search(line):
            self.finished()
            self._stage, self._artifact, self._last = begins[1], None, 0.0
        percent = _PERCENT.search(line)
        if percent is None:
            get_run_logger().log(record.levelno, "%s", line)
        elif time.monotonic() - self._last > _PROGRESS_SECONDS or percent[1] == "100":
            self._last = time.monotonic()
            self._progress(float(percent[1]), line.split(":")[0])
        if percent and self._terminal and sys.stderr.isatty():
            print(f"\r{line}", end="", file=sys.stderr, flush=True)

    def finished(self) -> None:
        """Fill the bar where there is one."""
        if self._artifact is not None:
            self._progress(100.0, "done")

    def _progress(self, percent: float, what: str) -> None:
        try:
            if self._artifact is None:
                self._artifact = create_progress_artifact(percent, key=f"progress-{self._stage}", description=what)
            else:
                update_progress_artifact(self._artifact, percent, description=what)
        except Exception as error:  # a progress bar is not worth a run
            get_run_logger().debug("progress not shown: %s", error)


def show_in_run(name: str, terminal: bool = False) -> RunLog:
    """Send what flows log to the run that this is called in; see `RunLog`."""
    log = RunLog(name, terminal)
    logs.send_to(log)
    return log
