"""How long work shows that it goes on: bars that are redrawn on a terminal, a line now and then elsewhere.

One place for both, so that a log of a run has lines and no redrawn bars, and that no stretch is silent.
"""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from tqdm import tqdm

Bar: TypeAlias = "tqdm[Any]"

FIRST_SECONDS = 2.0  # of silence, before the first line
EVERY_SECONDS = 10.0  # between lines after it
_REDRAW_SECONDS = 0.5
_LOOK_SECONDS = 0.25


class _Lines(tqdm):
    """A bar for where there is no terminal: whole lines, none where the work is done in two seconds."""

    def __iter__(self) -> Iterator[Any]:
        """The work, each item counted when it is done; tqdm's own does not let the interval change under way."""
        with self:
            for item in self.iterable:
                yield item
                self.update()

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        """Write the bar as a line, and be slower with the next one."""
        if text := (str(self) if msg is None else msg).strip():
            self.fp.write(f"{text}\n")
            self.fp.flush()
        self.mininterval = EVERY_SECONDS
        return False  # nothing is left on the line that would have to be cleared


def bar(
    work: Iterable[Any] | None = None,
    *,
    what: str,
    unit: str,
    total: int | None = None,
    done: int = 0,
    show: bool = True,
) -> Bar:
    """A progress bar over `work`, or to be moved by its `update`; `done` of `total` were done before.

    It is gone when it is closed: what is to stay is said in a line of its own. Not shown where not `show`.
    """
    if sys.stderr.isatty():
        return tqdm(
            work, what, total, leave=False, initial=done, unit=unit, mininterval=_REDRAW_SECONDS, disable=not show
        )
    return _Lines(
        work,
        what,
        total,
        leave=False,
        initial=done,
        unit=unit,
        mininterval=FIRST_SECONDS,
        miniters=1,
        delay=FIRST_SECONDS,
        disable=not show,
    )


class Heartbeat:
    """Says what goes on where nothing else shows it: after two silent seconds, then every ten."""

    def __init__(self, speaker: str, doing: str) -> None:
        self._speaker, self._doing = speaker, doing
        self._begun = self._heard = time.monotonic()
        self._next = FIRST_SECONDS
        self._end = threading.Event()

    def now(self, doing: str) -> None:
        """Another part of the work begins."""
        self._doing, self._begun = doing, time.monotonic()
        self._heard, self._next = self._begun, FIRST_SECONDS

    def watch(self) -> None:
        """Speak until `end`; in a thread of its own."""
        while not self._end.wait(_LOOK_SECONDS):
            at = time.monotonic()
            if tqdm._instances:  # a bar speaks for itself
                self._heard, self._next = at, FIRST_SECONDS
            elif at - self._heard >= self._next:
                self._heard, self._next = at, EVERY_SECONDS
                print(f"{self._speaker}: {self._doing} ({at - self._begun:.0f} s)", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Speak no more."""
        self._end.set()


@contextmanager
def heartbeat(speaker: str, doing: str) -> Iterator[Heartbeat]:
    """Run the block with a heartbeat of that speaker."""
    beat = Heartbeat(speaker, doing)
    thread = threading.Thread(target=beat.watch, daemon=True)
    thread.start()
    try:
        yield beat
    finally:
        beat.end()
        thread.join()
