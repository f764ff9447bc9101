"""A stage must not outlive those who started it: it ends when any ancestor of its own process group is gone.

`make`, the shell and dvc share one process group; killing one of them with SIGKILL would leave the stage writing into
a workspace that somebody else may take over. Ancestors outside the group (a login shell, nohup's parent) do not count.
"""
import ctypes
import os
import signal
import threading
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.3


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies (pool workers call it; elsewhere it does nothing)."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return


def watch() -> None:
    """Start a daemon thread that ends this process, and so its pool workers, when an ancestor is gone."""
    if not Path("/proc/self/stat").exists():
        return
    watched = ancestors(os.getpid())
    threading.Thread(target=_poll, args=(watched,), name="lifeline", daemon=True).start()


def ancestors(pid: int) -> list[tuple[int, str]]:
    """(pid, start time) of the ancestors in this process's group, nearest first."""
    group, chain = os.getpgid(pid), []
    while (parent := _stat(pid)) and int(parent[0]) > 1:
        pid = int(parent[0])
        stat = _stat(pid)
        if stat is None or int(stat[1]) != group:
            break
        chain.append((pid, stat[2]))
    return chain


def _stat(pid: int) -> tuple[str, str, str] | None:
    """Parent pid, process group, start time (clock ticks) of a process; None where it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else (fields[1], fields[2], fields[19])


def _poll(watched: list[tuple[int, str]]) -> None:
    while all((stat := _stat(pid)) is not None and stat[2] == started for pid, started in watched):
        time.sleep(_POLL_SECONDS)
    os._exit(143)
