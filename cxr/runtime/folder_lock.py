"""One writer of a folder at a time: kernel locks, which end with their holder however that one ends."""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

_LOCK = ".lock"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the folder and hold its lock; wait for another's."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def held_by_name(folder: Path, doing: str, say: Callable[[str], None]) -> Iterator[None]:
    """As `held`, where the wait may be long: `doing` is what others are told that this process does ("adds a to b").

    Where another process holds the lock, `say` is called once with who it is and how to go on. The file's text is for
    people alone: the lock is the kernel's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting: {_holder(stream)}; Ctrl-C ends the waiting")
            fcntl.flock(stream, fcntl.LOCK_EX)
        _write(stream, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "doing": doing}))
        try:
            yield
        finally:
            _write(stream, "")  # so that nobody reads a holder who is gone


def _holder(stream: TextIO) -> str:
    """Who holds the lock, in words."""
    try:
        stream.seek(0)
        told = json.loads(stream.read())
        return f"process {told['pid']} on {told['host']} {told['doing']}"
    except (ValueError, KeyError, TypeError):  # it has the lock and has not said who it is yet
        return "another process works here"


def _write(stream: TextIO, text: str) -> None:
    stream.seek(0)
    stream.truncate()
    stream.write(text)
    stream.flush()
