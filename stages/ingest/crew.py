"""Processes that decode: they end with an interrupt or with their parent, and a file that kills one is found out."""
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

import cv2

from stages import lifeline

T = TypeVar("T")
R = TypeVar("R")
_CHUNK = 8  # files handed over at once
_AHEAD = 4  # chunks waiting for each process


def spread(function: Callable[[T], R], items: Sequence[T], processes: int) -> Iterator[tuple[int, R | None]]:
    """(index, result) of each item as it is done, in no order; None where the item kills its process.

    `function` and items must be picklable. What `function` raises is raised here.
    """
    chunks = [range(start, min(start + _CHUNK, len(items))) for start in range(0, len(items), _CHUNK)]
    suspects: list[int] = []
    done: set[int] = set()
    try:
        for index, result in _work(function, items, chunks, min(processes, len(chunks))):
            done.add(index)
            yield index, result
    except BrokenProcessPool:
        suspects = [index for index in range(len(items)) if index not in done]
    if suspects:
        yield from _one_by_one(function, items, suspects, processes)


def _one_by_one(function: Callable[[T], R], items: Sequence[T], suspects: list[int], processes: int,
                ) -> Iterator[tuple[int, R | None]]:
    """After a crash: halves at a time, until the item that kills stands alone."""
    half = len(suspects) // 2
    for part in (suspects[:half], suspects[half:]) if half else (suspects,):
        chunks = [part[start:start + _CHUNK] for start in range(0, len(part), _CHUNK)]
        done: set[int] = set()
        try:
            for index, result in _work(function, items, chunks, min(processes, len(chunks))):
                done.add(index)
                yield index, result
        except BrokenProcessPool:
            left = [index for index in part if index not in done]
            if len(suspects) == 1:
                yield suspects[0], None
            else:
                yield from _one_by_one(function, items, left, processes)


def _work(function: Callable[[T], R], items: Sequence[T], chunks: Sequence[Sequence[int]], processes: int,
          ) -> Iterator[tuple[int, R]]:
    if not chunks:
        return
    with _executor(processes) as executor:
        waiting = iter(chunks)
        running: set[Future[list[tuple[int, R]]]] = set()
        while True:
            for chunk in islice(waiting, processes * _AHEAD - len(running)):
                running.add(_submit(executor, function, [(index, items[index]) for index in chunk]))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield from future.result()


@contextmanager
def _executor(processes: int) -> Iterator[ProcessPoolExecutor]:
    # spawn: a fork would copy the lifeline's thread and OpenCV's in an unknown state
    executor = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _settle, (os.getpid(),))
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
