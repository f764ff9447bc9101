"""The endpoint's processes: a crash or a slow request hits no other request."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.http import process_pool


def work(production: Path, images: list[bytes], max_pixels: int) -> str:
    """In place of the worker's: b"crash" kills the process, b"sleep" takes too long."""
    if images[0] == b"crash":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600 if images[0] == b"sleep" else 0.2)
    return images[0].decode()


@pytest.fixture
def at(tmp_path, monkeypatch) -> Iterator[process_pool.ProcessPool]:
    """A pool of one process, at most three images waiting, two minutes for a request."""
    monkeypatch.setattr(process_pool, "work", work)
    pool = process_pool.ProcessPool(tmp_path, 1, 3, 10**6, 120.0)
    yield pool
    pool.close()


def test_a_request_that_crashes_the_decoder_hits_no_other_and_the_next_is_served(at):
    async def story() -> list[object]:
        await at.score([b"warm"])
        return await asyncio.gather(
            *(at.score([data]) for data in (b"one", b"crash", b"two")), at.score([b"full"]), return_exceptions=True
        )

    one, crash, two, full = asyncio.run(story())
    assert (one, two) == ("one", "two")
    assert isinstance(crash, process_pool.Crashed) and isinstance(full, process_pool.Busy)
    assert at.waiting == 0 and asyncio.run(at.score([b"next"])) == "next"


def test_a_request_that_takes_too_long_is_ended_and_the_next_is_served(at):
    asyncio.run(at.score([b"warm"]))
    at._deadline = 1.0
    with pytest.raises(process_pool.TooSlow):
        asyncio.run(at.score([b"sleep"]))
    at._deadline = 120.0
    assert at.waiting == 0 and asyncio.run(at.score([b"next"])) == "next"
