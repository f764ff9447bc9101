"""Processes that render side by side: they end at once with an interrupt, and with their parent, however it dies."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

import cv2

from stages import lifeline
from stages.entry import StageError

T = TypeVar("T")
R = TypeVar("R")


def spread(function: Callable[[T], R], items: Sequence[T], processes: int) -> Iterator[R]:
    """`function` of each item, in order; one process works in this one.

    `function` and items must be picklable. What `function` raises is raised here; StageError where a worker is killed
    (most often for want of memory).
    """
    cv2.setNumThreads(1)  # the processes are the parallelism; the bytes do not depend on it
    if processes < 2:
        yield from map(function, items)
        return
    with _executor(processes) as executor:
        # SIGINT is held back while workers start, so that Ctrl-C reaches this process alone
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            results = executor.map(function, items)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        yield from results


@contextmanager
def _executor(processes: int) -> Iterator[ProcessPoolExecutor]:
    # spawn: a fork would copy the lifeline's thread and OpenCV's in an unknown state
    executor = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _settle, (os.getpid(),))
    try:
        yield executor
    except BrokenProcessPool as error:
        raise StageError("a worker process was killed (out of memory?); CXR_WORKERS=1 needs least of it") from error
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _settle(parent: int) -> None:
    lifeline.die_with_parent()
    if os.getppid() != parent:  # it died before the lifeline was tied
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(1)
