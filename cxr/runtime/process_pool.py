"""Processes that work side by side: they end at once with an interrupt, and with their parent, however it dies.

`spread` finds out an item that kills its process (a file that no decoder survives); `in_order` keeps the order of the
items, `pool` also what is opened once. The bytes of what is made never depend on the number of processes.
"""
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import cv2

from cxr.core.errors import StageError
from cxr.runtime import process_tree

T = TypeVar("T")
R = TypeVar("R")
_AHEAD = 4  # chunks waiting for each process
_place: Any = None  # in a process of `pool`: what it was made with


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


@contextmanager
def pool(processes: int, place: Any) -> Iterator[Callable[..., Iterator[Any]]]:
    """Yield `spread(function, items, chunk=1)`, which gives `function(place, item)` in order.

    `place` is sent to each process once, so that it may hold what is opened once. One process works in this one.
    StageError where a process is killed (most often for want of memory).
    """
    cv2.setNumThreads(1)
    if processes < 2:
        yield lambda function, items, chunk=1: map(partial(function, place), items)
        return
    try:
        with _executor(processes, place, quiet=False) as executor:
            yield lambda function, items, chunk=1: _in_order(executor, function, items, chunk)
    except BrokenProcessPool as error:
        raise StageError("a worker process was killed (out of memory?); CXR_WORKERS=1 needs least of it") from error


def in_order(function: Callable[[T], R], items: Sequence[T], processes: int) -> Iterator[R]:
    """`function` of each item, in order, by a `pool`; both must be picklable. What `function` raises is raised here."""
    with pool(processes, function) as together:
        yield from together(_call, items)


def hire(processes: int, place: Any = None, quiet: bool = True) -> ProcessPoolExecutor:
    """Processes deaf to Ctrl-C and gone with this one; they start with the first work given.

    Those that are `quiet` say nothing on stderr, where libpng and libjpeg complain about what is quarantined anyway.
    """
    # spawn: a fork would copy the lifeline's thread and OpenCV's in an unknown state
    settings = os.getpid(), place, quiet
    return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _settle, settings)


@contextmanager
def _executor(processes: int, place: Any = None, quiet: bool = True) -> Iterator[ProcessPoolExecutor]:
    executor = hire(processes, place, quiet)
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
    with _interrupt_held_back(), _broken_while_starting():
        return executor.submit(_each, function, some)


def _in_order(
    executor: ProcessPoolExecutor, function: Callable[[Any, T], R], items: Iterable[T], chunk: int
) -> Iterator[R]:
    with _interrupt_held_back(), _broken_while_starting():
        return executor.map(partial(_at_place, function), items, chunksize=chunk)


@contextmanager
def _interrupt_held_back() -> Iterator[None]:
    """While processes start: so Ctrl-C reaches this one alone, and none of them is lost."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _broken_while_starting() -> Iterator[None]:
    """BrokenProcessPool where one process was killed while the next was started: Python says "handle is closed" then.

    What the system refuses (no more processes) has a number and stays an OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise
        raise BrokenProcessPool("a process was killed while another was started") from error


def _each(function: Callable[[T], R], some: list[tuple[int, T]]) -> list[tuple[int, R]]:
    return [(index, function(item)) for index, item in some]


def _call(function: Callable[[T], R], item: T) -> R:
    return function(item)


def _at_place(function: Callable[[Any, T], R], item: T) -> R:
    return function(_place, item)


def _settle(parent: int, place: Any, quiet: bool) -> None:
    global _place
    _place = place
    process_tree.die_with_parent()
    if os.getppid() != parent:  # it died before the lifeline was tied
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(1)  # the processes are the parallelism; the bytes do not depend on it
    if quiet:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
