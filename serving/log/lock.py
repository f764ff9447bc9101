"""The log's lock, which ends with its holder."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def alone(log: Path) -> Iterator[None]:
    """Hold the log's lock: one process writes at a time."""
    log.mkdir(parents=True, exist_ok=True)
    with (log / ".lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
