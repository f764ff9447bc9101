"""Processes that decode: they end with an interrupt or with their parent, and a file that kills one is found out."""
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

import cv2

from stages import lifeline

T = TypeVar("T")
R = TypeVar("R")
_AHEAD = 4  # chunks waiting for each process


def spread(function: Callable[[T], R], items: Sequence[T], processes: int, chunk: int = 8,
           ) -> Generator[tuple[int, R | None], None, None]:
    """(index, result) of each item as it is done, in no order; None where the item kills its process.

    `function` and items must be picklable; `chunk` items are handed over at once. What `function` raises is raised
    here. Close the iterator where it is not read to its end: that ends the processes.
    """
    waiting = deque(range(start, min(start + chunk, len(items))) for start in range(0, len(items), chunk))
    while waiting:
        begun: set[int] = set()
        try:
            for index, result in _together(function, items, waiting, min(processes, len(waiting)), begun):
                begun.remove(index)
                yield index, result
        except BrokenProcessPool:
            yield from _one_by_one(function, items, deque(sorted(begun)))


def _together(function: Callable[[T], R], items: Sequence[T], waiting: deque[range], processes: int, begun: set[int],
              ) -> Iterator[tuple[int, R]]:
    """Work on chunks from `waiting` until there are none; `begun` takes up the items that are handed out."""
    with _executor(processes) as executor:
        running: set[Future[list[tuple[int, R]]]] = set()
        while waiting or running:
            while waiting and len(running) < processes * _AHEAD:
                begun.update(waiting[0])
                running.add(_submit(executor, function, [(index, items[index]) for index in waiting.popleft()]))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield from future.result()


def _one_by_one(function: Callable[[T], R], items: Sequence[T], suspects: deque[int],
                ) -> Iterator[tuple[int, R | None]]:
    """After a process was killed: what it may have been, each alone, in a new process after each death."""
    while suspects:
        try:
            with _executor(1) as executor:
                while suspects:
                    index = suspects[0]
                    yield from _submit(executor, function, [(index, items[index])]).result()
                    suspects.popleft()
        except BrokenProcessPool:
            yield suspects.popleft(), None


def hire(processes: int) -> ProcessPoolExecutor:
    """Processes for decoding: quiet, deaf to Ctrl-C, gone with this one. They start with the first work given."""
    # spawn: a fork would copy the lifeline's thread and OpenCV's in an unknown state
    return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _settle, (os.getpid(),))


@contextmanager
def _executor(processes: int) -> Iterator[ProcessPoolExecutor]:
    executor = hire(processes)
    try:
        yield executor
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _submit(executor: ProcessPoolExecutor, function: Callable[[T], R], some: list[tuple[int, T]],
            ) -> Future[list[tuple[int, R]]]:
    """Start workers with SIGINT held back, so that Ctrl-C reaches this process alone and none is lost."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return executor.submit(_each, function, some)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _each(function: Callable[[T], R], some: list[tuple[int, T]]) -> list[tuple[int, R]]:
    return [(index, function(item)) for index, item in some]


def _settle(parent: int) -> None:
    lifeline.die_with_parent()
    if os.getppid() != parent:  # it died before the lifeline was tied
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(1)  # the processes are the parallelism; the bytes do not depend on it
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libpng and libjpeg complain there about what is quarantined anyway
