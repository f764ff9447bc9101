"""What C++ libraries write to file descriptor 2 goes to a log below `.runs`; Python's own messages reach the console.

The switch comes before any library loads. Processes that are started later inherit the log. Where it can't be written
(a full disk, a folder that may only be read) nothing changes.
"""

import faulthandler
import os
import sys
from pathlib import Path

from cxr.runtime.paths import RUNS

_PROJECT = "dvc.yaml"  # a folder that has it, or .runs already, may be given logs


def divert(name: str) -> None:
    """Point file descriptor 2 at `.runs/<name>.log`, begun anew, and sys.stderr at the console that it was."""
    log = _opened(RUNS / f"{name}.log")
    if log is None or sys.stderr is None:
        return
    sys.stderr.flush()
    console = os.dup(2)
    os.dup2(log, 2)
    os.close(log)
    sys.stderr = open(console, "w", 1, sys.stderr.encoding, "backslashreplace")  # noqa: SIM115, PTH123
    faulthandler.enable(sys.stderr)  # where a library aborts, the console has the Python line that called it


def divert_in_project(name: str) -> None:
    """The same for a command that may run anywhere: not where the working folder is no project's, nor for `--help`."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        return
    if Path(_PROJECT).exists() or RUNS.exists():
        divert(name)


def _opened(path: Path) -> int | None:
    """Descriptor of an empty log that only its owner reads; None where it can't be had."""
    try:
        path.parent.mkdir(exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
