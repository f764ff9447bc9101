"""Processes that work side by side: they end at once with an interrupt, and with their parent, however it dies.

`map_unordered` names an item that kills its process (a file that no decoder survives, or that takes too long: see
`item_bounds`); `map_ordered` keeps the items' order; `pool` does too, several times over, with an object that each
process is sent once; `start` gives the bare executor. The number of processes never changes a byte of a result.
"""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from enum import Enum
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any, Literal, TypeVar

import cv2

from cxr.core.errors import UserError
from cxr.runtime import item_bounds, process_tree


class Lost(Enum):
    """What became of an item without a result; false, as nothing came of it."""

    KILLED = "it kills the process that works on it"
    TOO_SLOW = "its deadline passed"

    def __bool__(self) -> Literal[False]:
        """False."""
        return False


T = TypeVar("T")
R = TypeVar("R")
_AHEAD = 4  # chunks waiting for each process
_shared: Any = None  # in a process of `pool`: the object that it was sent once


def map_unordered(
    function: Callable[[T], R], items: Sequence[T], processes: int, chunk: int = 8
) -> Generator[tuple[int, R | Lost], None, None]:
    """(index, result) of each item as it is done, in no order; Lost where the item kills its process.

    `function` and items must be picklable; `chunk` items are sent at once. What `function` raises is raised by the
    iterator. Close it where it is not read to its end: that ends the processes.
    """
    waiting = deque(range(start, min(start + chunk, len(items))) for start in range(0, len(items), chunk))
    while waiting:
        sent: set[int] = set()
        try:
            for index, result in _together(function, items, waiting, min(processes, len(waiting)), sent):
                sent.remove(index)
                yield index, result
        except BrokenProcessPool:
            yield from _one_by_one(function, items, deque(sorted(sent)))


def _together(
    function: Callable[[T], R], items: Sequence[T], waiting: deque[range], processes: int, sent: set[int]
) -> Iterator[tuple[int, R]]:
    """Work on chunks from `waiting` until there are none; the items of those that are sent out enter `sent`."""
    with _executor(processes) as executor:
        running: set[Future[list[tuple[int, R]]]] = set()
        while waiting or running:
            while waiting and len(running) < processes * _AHEAD:
                sent.update(waiting[0])
                running.add(_submit(executor, function, [(index, items[index]) for index in waiting.popleft()]))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield from future.result()


def _one_by_one(function: Callable[[T], R], items: Sequence[T], suspects: deque[int]) -> Iterator[tuple[int, R | Lost]]:
    """(index, result) of items of which one killed its process: each is tried alone, with a new process after a death.

    The result is Lost for those that kill the process again.
    """
    while suspects:
        process: BaseProcess | None = None
        try:
            with _executor(1) as executor:
                while suspects:
                    index = suspects[0]
                    future = _submit(executor, function, [(index, items[index])])
                    process = next(iter((executor._processes or {}).values()), process)
                    yield from future.result()
                    suspects.popleft()
        except BrokenProcessPool:
            slow = process is not None and process.exitcode == -signal.SIGPROF
            yield suspects.popleft(), Lost.TOO_SLOW if slow else Lost.KILLED


@contextmanager
def pool(processes: int, shared: Any) -> Iterator[Callable[..., Iterator[Any]]]:
    """Yield a function `map_ordered(function, items, chunk=1)`, which gives `function(shared, item)` in order.

    `shared` is sent to each process once, so it may hold what is opened once and kept. With `processes` below 2 all
    is done in this process. UserError where a process is killed (most often for want of memory).
    """
    cv2.setNumThreads(1)
    if processes < 2:
        yield lambda function, items, chunk=1: map(partial(function, shared), items)
        return
    try:
        with _executor(processes, shared, quiet=False) as executor:
            yield lambda function, items, chunk=1: _map_ordered(executor, function, items, chunk)
    except BrokenProcessPool as error:
        raise UserError("a worker process was killed (out of memory?); CXR_WORKERS=1 needs least of it") from error


def map_ordered(function: Callable[[T], R], items: Sequence[T], processes: int) -> Iterator[R]:
    """`function` of each item, in the items' order; both must be picklable.

    What `function` raises is raised by the iterator; UserError where a process is killed.
    """
    with pool(processes, function) as map_shared:
        yield from map_shared(_call, items)


def start(processes: int, shared: Any = None, quiet: bool = True) -> ProcessPoolExecutor:
    """An executor whose processes ignore Ctrl-C and end with this one; they start when the first work is submitted.

    Processes that are `quiet` write nothing to stderr, where libpng and libjpeg complain about what is quarantined
    anyway.
    """
    # spawn: a fork would copy OpenCV's threads in an unknown state
    settings = os.getpid(), shared, quiet
    return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _initialize, settings)


@contextmanager
def _executor(processes: int, shared: Any = None, quiet: bool = True) -> Iterator[ProcessPoolExecutor]:
    """An executor that is shut down at the end of the block, its processes killed at once where the block fails."""
    executor = start(processes, shared, quiet)
    try:
        yield executor
    except BaseException:
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _submit(
    executor: ProcessPoolExecutor, function: Callable[[T], R], some: list[tuple[int, T]]
) -> Future[list[tuple[int, R]]]:
    """Submit a chunk of (index, item); the future's result are (index, result)."""
    with _interrupt_held_back(), _broken_while_starting():
        return executor.submit(_each, function, some)


def _map_ordered(
    executor: ProcessPoolExecutor, function: Callable[[Any, T], R], items: Iterable[T], chunk: int
) -> Iterator[R]:
    """`function(shared, item)` of each item in order, by the processes of `pool`."""
    with _interrupt_held_back(), _broken_while_starting():
        return executor.map(partial(_call_shared, function), items, chunksize=chunk)


@contextmanager
def _interrupt_held_back() -> Iterator[None]:
    """Block SIGINT while processes start, which inherit that: so Ctrl-C reaches this process alone, and loses none."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _broken_while_starting() -> Iterator[None]:
    """BrokenProcessPool where one process was killed while the next was started: Python says "handle is closed" then.

    Where the system itself refuses (no more processes) the error has an errno and stays an OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise
        raise BrokenProcessPool("a process was killed while another was started") from error


def _each(function: Callable[[T], R], some: list[tuple[int, T]]) -> list[tuple[int, R]]:
    """In a process of the pool: work on one chunk."""
    return [(index, function(item)) for index, item in some]


def _call(function: Callable[[T], R], item: T) -> R:
    """In a process of `map_ordered`: the function itself is the object that was sent once."""
    return function(item)


def _call_shared(function: Callable[[Any, T], R], item: T) -> R:
    """In a process of `pool`: call the function with the object that was sent once."""
    return function(_shared, item)


def _initialize(parent: int, shared: Any, quiet: bool) -> None:
    """In a new process: end with the parent, ignore Ctrl-C, use one thread, keep the shared object."""
    global _shared
    _shared = shared
    process_tree.die_with_parent()
    if os.getppid() != parent:  # it died before Linux was asked
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    item_bounds.end_with_the_deadline()
    cv2.setNumThreads(1)  # the processes are the parallelism; the bytes do not depend on it
    if quiet:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
