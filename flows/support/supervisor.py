"""Runs one command and ends it, with all its descendants, when the process that asked for it is gone.

Started as a script of its own by `flows.support.supervised` (standard library only, so that it costs little): standard
input is the lifeline, a pipe whose other end only the asking process holds; its end of file means that process died,
however.
"""
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

GRACE_SECONDS = 10.0
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_asked: list[int] = []


def main(command: list[str]) -> int:
    """Exit status of the command; 143 where it was ended because nobody waits for it any more."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # orphans of the command become our children, so none is lost sight of
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ask)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent)
    while child.poll() is None and not _asked:
        if _lifeline_is_cut():
            _asked.append(signal.SIGTERM)
    if _asked:
        end(descendants(os.getpid()), _asked[0])
    child.wait()
    end(descendants(os.getpid()), signal.SIGTERM)
    return 143 if _asked and _asked[0] == signal.SIGTERM else child.returncode % 256


def descendants(pid: int) -> list[int]:
    """All living descendants, children before grandchildren."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(int(entry.name))):
            children.setdefault(parent, []).append(int(entry.name))
    found, front = [], [pid]
    while front:
        front = [child for parent in front for child in children.get(parent, [])]
        found += front
    return found


def end(pids: list[int], number: int, grace: float = GRACE_SECONDS) -> None:
    """Signal all, wait for a clean end, kill what is left and what it started meanwhile."""
    _send(pids, number)
    until = time.monotonic() + grace
    while time.monotonic() < until and any(_parent(pid) for pid in pids):
        time.sleep(0.05)
    while left := [pid for pid in descendants(os.getpid()) if _parent(pid)]:
        _send(left, signal.SIGKILL)
        time.sleep(0.05)


def _send(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _parent(pid: int) -> int | None:
    """Parent of a living process, None where it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[1])


def _lifeline_is_cut() -> bool:
    readable, _, _ = select.select([0], [], [], 0.2)
    return bool(readable) and not os.read(0, 1)


def _ask(number: int, frame: FrameType | None) -> None:
    _asked.append(number)


def _die_with_parent() -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
