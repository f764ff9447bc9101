"""One pipeline run at a time in a workspace: a kernel lock on a file, gone with its holder however that one ends."""

import fcntl
import json
import os
import sys
import time
from pathlib import Path
from types import TracebackType

_POLL_SECONDS = 1.0


class WorkspaceLock:
    """Context manager; waits while another process holds the lock and says who that is.

    The lock is the kernel's (flock): a dead holder's is free at once, so a stale lock can't exist; the file's text
    (pid and command) is only for people. filelock would spare one call: whom one waits for would be said here all the
    same, its older versions empty the file that says so, and where a file system has no flock it takes a file's
    existence for the lock, which a kill leaves behind.
    """

    def __init__(self, path: Path, command: str) -> None:
        """`command` is what the holder is called in the message to those who wait."""
        self.path, self.command = path, command

    def __enter__(self) -> "WorkspaceLock":
        """Take the lock, waiting for its holder if need be."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self.path.open("a+")
        told = False
        while not self._try():
            if not told:
                print(f"waiting: {self._holder()} works in this folder ({self.path})", file=sys.stderr, flush=True)
                told = True
            time.sleep(_POLL_SECONDS)
        self._stream.seek(0)
        self._stream.truncate()
        self._stream.write(json.dumps({"pid": os.getpid(), "command": self.command}))
        self._stream.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock and empty the file, so that nobody reads a holder who is gone."""
        self._stream.truncate(0)
        self._stream.close()

    def _try(self) -> bool:
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> str:
        self._stream.seek(0)
        try:
            holder = json.loads(self._stream.read())
            return f"process {holder['pid']} ({holder['command']})"
        except (ValueError, KeyError, TypeError):
            return "another process"
