"""A pool of processes that ends at once with an interrupt, and with its parent, however that one dies."""
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import cv2

from stages import lifeline
from stages.entry import StageError

T = TypeVar("T")
R = TypeVar("R")
_place: Any = None  # in a worker: what the pool was made with


@contextmanager
def pool(processes: int, place: Any) -> Iterator[Callable[..., Iterator[Any]]]:
    """Yield `spread(function, items, chunk)`, which gives `function(place, item)` in order.

    `place` is sent to each worker once, so that it may hold what is opened once. One process works in this one.
    StageError where a worker is killed (most often for want of memory).
    """
    cv2.setNumThreads(1)  # the processes are the parallelism; the bytes do not depend on it
    if processes == 1:
        yield lambda function, items, chunk=1: map(partial(function, place), items)
        return
    # spawn: a fork would copy the lifeline's and Arrow's threads in an unknown state
    executor = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _settle, (place,))
    try:
        yield lambda function, items, chunk=1: _submit(executor, function, items, chunk)
    except BrokenProcessPool as error:
        raise StageError("a worker process was killed (out of memory?); CXR_WORKERS=1 needs least of it") from error
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _submit(
    executor: ProcessPoolExecutor, function: Callable[[Any, T], R], items: Iterable[T], chunk: int
) -> Iterator[R]:
    """Start workers with SIGINT ignored, so that Ctrl-C reaches this process alone and shows one message."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return executor.map(partial(_at_place, function), items, chunksize=chunk)
    finally:
        signal.signal(signal.SIGINT, before)


def _at_place(function: Callable[[Any, T], R], item: T) -> R:
    return function(_place, item)


def _settle(place: Any) -> None:
    global _place
    _place = place
    lifeline.die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(1)
