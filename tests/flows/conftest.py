"""What every test of flows shares: what they log is caught, and goes nowhere else."""

import logging
from collections.abc import Callable, Iterator

import pytest

from flows.support import logs


class Said(logging.Handler):
    """Keeps what is logged in `lines`, and calls `react` with each line."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.react: Callable[[str], object] = str

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self.lines.append(record.getMessage())
        self.react(self.lines[-1])


@pytest.fixture(autouse=True)
def said() -> Iterator[Said]:
    """What flows logged in this test; a command that is called sends its log to the terminal instead."""
    heard, before = Said(), (logs.TOP.handlers, logs.TOP.level, logs.TOP.propagate)
    logs.send_to(heard)
    yield heard
    logs.TOP.handlers, level, logs.TOP.propagate = before
    logs.TOP.setLevel(level)
