"""Gives requests' images to processes: so many at a time, a deadline for each; a crash hits only its cause."""

import asyncio
import contextlib
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from cxr.core.errors import UserError
from cxr.runtime import process_pool
from serving.http.worker import Reply, warm, work
from serving.score.score_images import ImageBounds


class Busy(Exception):
    """More images are waiting or at work than may be."""


class TooSlow(Exception):
    """The images took longer than a request may."""


class Crashed(Exception):
    """An image of the request kills the process that decodes it."""


class ProcessPool:
    """Processes, and how many images are with them (`waiting`)."""

    def __init__(
        self, production: Path, processes: int, most_waiting: int, image: ImageBounds, deadline: float
    ) -> None:
        """`image`: what one may be; `deadline`: seconds for a request, waiting included."""
        self.waiting = 0
        self._production, self._processes, self._most = production, processes, most_waiting
        self._image, self._deadline = image, deadline
        self._pool = process_pool.start(processes)
        self._one_suspect = asyncio.Lock()

    async def open(self) -> None:
        """Start the processes and open the model in each; one that is missing or unusable is no error yet."""
        futures = [self._pool.submit(warm, self._production) for _ in range(self._processes)]
        for future in futures:
            with contextlib.suppress(UserError):
                await asyncio.wrap_future(future)

    async def score(self, images: list[bytes]) -> Reply:
        """Score a request's images. Busy, TooSlow, Crashed, and what the worker raises of the model."""
        if self.waiting and self.waiting + len(images) > self._most:
            raise Busy
        self.waiting += len(images)
        pool = self._pool
        try:
            return await self._within(pool, images)
        except BrokenProcessPool:
            self._replace(pool)
            return await self._alone(images)
        finally:
            self.waiting -= len(images)

    def close(self) -> None:
        """Kill the processes, also those in the middle of a request."""
        _end(self._pool)

    async def _alone(self, images: list[bytes]) -> Reply:
        """After a crash any of the requests that were under way may be its cause: each has a process of its own."""
        async with self._one_suspect:
            pool = process_pool.start(1)
            try:
                return await self._within(pool, images)
            except BrokenProcessPool as error:
                raise Crashed from error
            finally:
                _end(pool)

    async def _within(self, pool: ProcessPoolExecutor, images: list[bytes]) -> Reply:
        future = asyncio.wrap_future(pool.submit(work, self._production, images, self._image))
        try:
            return await asyncio.wait_for(future, self._deadline)
        except TimeoutError as error:
            self._replace(pool)  # the process can't be told to stop
            raise TooSlow from error

    def _replace(self, pool: ProcessPoolExecutor) -> None:
        """New processes, once for each pool that broke."""
        if pool is self._pool:
            self._pool = process_pool.start(self._processes)
        _end(pool)


def _end(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)
