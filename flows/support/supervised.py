"""Runs a command under the supervisor of `cxr.runtime.process_tree`: streamed, and gone when this process is."""

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cxr.runtime import process_tree
from flows.support import secrets

TAIL = 20  # lines kept for the message of a failed stage


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit status and its last lines (empty where it wrote to the terminal itself)."""

    status: int
    tail: list[str]


def run(
    command: list[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] | None = None,
) -> Ended:
    """Run to the end. With `on_line` each line of output (progress bars: each redrawing) goes there, else the terminal;
    secrets are masked in lines and tail.

    Whatever interrupts the wait (Ctrl-C, a cancelled flow) ends the command and its children first, then is raised.
    """
    process = _start(command, folder, environment, subprocess.PIPE if on_line else None)
    tail: deque[str] = deque(maxlen=TAIL)
    try:
        if on_line and process.stdout:
            for line in process.stdout:  # universal newlines: a carriage return ends a line too
                if text := secrets.without_credentials(line.rstrip()):
                    tail.append(text)
                    on_line(text)
        return Ended(process.wait(), list(tail))
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        raise
    finally:
        _let_go(process)


def _start(
    command: list[str], folder: Path, environment: Mapping[str, str] | None, out: int | None
) -> "subprocess.Popen[str]":
    given = {**secrets.for_stages(os.environ), "PYTHONUNBUFFERED": "1", **(environment or {})}
    return subprocess.Popen(
        process_tree.supervisor_command(command),
        cwd=folder,
        env=given,
        stdin=subprocess.PIPE,
        stdout=out,
        stderr=subprocess.STDOUT if out else None,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def _let_go(process: "subprocess.Popen[str]") -> None:
    """Close the supervisor's standard input and wait until it has ended everything."""
    if process.stdin:
        process.stdin.close()
    process.wait(timeout=process_tree.GRACE_SECONDS * 3)
    if process.stdout:
        process.stdout.close()
