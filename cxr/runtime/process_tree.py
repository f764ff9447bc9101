"""A stage must not outlive those who started it: it ends when any ancestor of its own process group is gone.

`make`, the shell and dvc share one process group; killing one of them with SIGKILL would leave the stage writing into
a workspace that somebody else may take over. Ancestors outside the group (a login shell) do not count, nor does the
shell of a script that started the run in the background (`make repro &`, nohup) and ended.
A small process of its own watches (this file run as a script): a thread would wait for the interpreter's lock, which
TensorFlow may hold for many seconds while it traces a graph.
"""
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

STARTED_BY = "CXR_STARTED_BY"  # pids that must live as long as a stage runs, set by `flows.repro`
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.3


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies (pool workers call it; elsewhere it does nothing)."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return


def watch() -> None:
    """Start the process that kills this one, and so its pool workers, when an ancestor is gone.

    An ancestor that is gone already (those that `make repro` names in CXR_STARTED_BY, or dvc) ends the stage at once.
    """
    if not Path("/proc/self/stat").exists():
        return
    above = ancestors(os.getpid())
    named = {int(pid) for pid in os.environ.get(STARTED_BY, "").split()}
    if (not above and os.getpid() != os.getpgrp()) or not named <= {pid for pid, _ in above}:
        sys.exit("a process that started this stage is gone; the same command goes on where it stopped")
    watched = [each for place, each in enumerate(above) if each[0] in named or place == 0 or not _detached()]
    subprocess.Popen([sys.executable, "-I", "-S", __file__, str(os.getpid()), *(f"{p}:{s}" for p, s in watched)],
                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _detached() -> bool:
    """Whether the run was sent into the background or under nohup, so that the shell that started it may go."""
    return signal.SIG_IGN in (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGHUP))


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


def _poll(stage: int, watched: list[tuple[int, str]]) -> None:
    """Wait for the end of the stage or of an ancestor; the first needs nothing, the second ends the stage."""
    while all((stat := _stat(pid)) is not None and stat[2] == started for pid, started in watched):
        if os.getppid() != stage:
            return
        time.sleep(_POLL_SECONDS)
    if os.getppid() == stage:
        os.kill(stage, signal.SIGKILL)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the stage ends in its own time and this process with it
    die_with_parent()
    _poll(int(sys.argv[1]), [(int(pid), started) for pid, started in (item.split(":") for item in sys.argv[2:])])
