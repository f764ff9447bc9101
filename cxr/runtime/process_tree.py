"""No process outlives those who started it: stages end with `make` or dvc, a flow's command with its flow.

`make`, the shell and dvc share one process group; killing one of them with SIGKILL would leave the stage writing into
a workspace that somebody else may take over. So a stage starts a watcher (`end_with_ancestors`), and a flow runs its
commands under a supervisor (`supervisor_command`). Both are this file, run as a script by its path: a thread would wait
for the interpreter's lock, which TensorFlow may hold for many seconds while it traces a graph. Standard library only,
without site-packages, so that a watcher starts in milliseconds and costs little memory.
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
from typing import NamedTuple

STARTED_BY = "CXR_STARTED_BY"  # pids that must live as long as a stage runs, set by `flows.repo.reproduce`
GRACE_SECONDS = 10.0  # in which a command may end by itself before it is killed
TERMINATED = 128 + signal.SIGTERM  # the supervisor's exit status where nobody waits for the command any more
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_POLL_SECONDS, _INPUT_POLL_SECONDS, _END_POLL_SECONDS = 0.3, 0.2, 0.05
_END_REQUESTS: list[int] = []  # signals that the supervisor received


class Status(NamedTuple):
    """What /proc/PID/stat says of a living process."""

    parent: int  # pid
    group: int  # process group id
    started: str  # clock ticks since boot: with the pid it names one process for good, as pids are used again


def status(pid: int) -> Status | None:
    """Status of a process, None where it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else Status(int(fields[1]), int(fields[2]), fields[19])


def ancestors(pid: int) -> list[tuple[int, str]]:
    """(pid, start time) of the ancestors in the process's group, nearest first."""
    group, chain = os.getpgid(pid), []
    while (child := status(pid)) and child.parent > 1:
        pid = child.parent
        found = status(pid)
        if found is None or found.group != group:
            break
        chain.append((pid, found.started))
    return chain


def descendants(pid: int) -> list[int]:
    """Pids of all living descendants, children before grandchildren."""
    children: dict[int, list[int]] = {}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and (found := status(int(process.name))):
            children.setdefault(found.parent, []).append(int(process.name))
    below, generation = [], [pid]
    while generation:
        generation = [child for parent in generation for child in children.get(parent, [])]
        below += generation
    return below


def is_detached() -> bool:
    """Whether the run was sent into the background or under nohup, so that the shell that started it may go."""
    return signal.SIG_IGN in (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGHUP))


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies; does nothing on other systems."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end_with_ancestors() -> None:
    """Start the watcher that kills this process, and so its pool workers, when an ancestor in its group is gone.

    Ancestors outside the group (a login shell) do not count, nor does the shell of a script that started the run in the
    background (`make repro &`, nohup) and ended. SystemExit where an ancestor is gone already: one that `make repro`
    names in CXR_STARTED_BY, or dvc.
    """
    if not Path("/proc/self/stat").exists():
        return
    above = ancestors(os.getpid())
    named = {int(pid) for pid in os.environ.get(STARTED_BY, "").split()}
    if (not above and os.getpid() != os.getpgrp()) or not named <= {pid for pid, _ in above}:
        sys.exit("a process that started this stage is gone; the same command goes on where it stopped")
    watched = [each for index, each in enumerate(above) if each[0] in named or index == 0 or not is_detached()]
    subprocess.Popen(
        [*_script("watch"), str(os.getpid()), *(f"{pid}:{started}" for pid, started in watched)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def supervisor_command(command: list[str]) -> list[str]:
    """The command line that runs `command` under a supervisor.

    Give it a pipe as standard input and keep the other end: once that is closed, by whatever death, the command and all
    its descendants are ended. Exit status: the command's own (modulo 256), or `TERMINATED`.
    """
    return [*_script("supervise"), *command]


def _script(mode: str) -> list[str]:
    """This file's command line: isolated from the environment (-I), without site-packages (-S)."""
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), mode]


def _watch(stage: int, watched: list[tuple[int, str]]) -> None:
    """Wait for the end of the stage, or of one of the watched (pid, start time), which then ends the stage."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the stage ends in its own time and this process with it
    die_with_parent()
    while all((found := status(pid)) is not None and found.started == started for pid, started in watched):
        if os.getppid() != stage:
            return
        time.sleep(_POLL_SECONDS)
    if os.getppid() == stage:
        os.kill(stage, signal.SIGKILL)


def _supervise(command: list[str]) -> int:
    """Run the command to its end, or until standard input is closed or a signal says so; the exit status."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # the command's orphans become our children, so that none is lost
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _request_end)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
    while child.poll() is None and not _END_REQUESTS:
        if _input_is_closed():
            _END_REQUESTS.append(signal.SIGTERM)
    if _END_REQUESTS:
        _end(descendants(os.getpid()), _END_REQUESTS[0])
    child.wait()
    _end(descendants(os.getpid()), signal.SIGTERM)
    return TERMINATED if _END_REQUESTS and _END_REQUESTS[0] == signal.SIGTERM else child.returncode % 256


def _end(pids: list[int], number: int) -> None:
    """Signal all, wait `GRACE_SECONDS` for a clean end, kill what is left and what it started meanwhile."""
    _send(pids, number)
    until = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < until and any(status(pid) for pid in pids):
        time.sleep(_END_POLL_SECONDS)
    while left := [pid for pid in descendants(os.getpid()) if status(pid)]:
        _send(left, signal.SIGKILL)
        time.sleep(_END_POLL_SECONDS)


def _send(pids: list[int], number: int) -> None:
    """Send a signal to those that still exist."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _input_is_closed() -> bool:
    """Whether standard input has come to its end, asked for a moment: this paces the supervisor's loop."""
    readable, _, _ = select.select([0], [], [], _INPUT_POLL_SECONDS)
    return bool(readable) and not os.read(0, 1)


def _request_end(number: int, frame: FrameType | None) -> None:
    """Signal handler of the supervisor: its loop acts on what is noted here."""
    _END_REQUESTS.append(number)


def _prctl(option: int, value: int) -> None:
    """Linux's prctl(2); does nothing where the C library has none."""
    try:
        ctypes.CDLL(None).prctl(option, value)
    except (OSError, AttributeError):
        return


def _main(mode: str, arguments: list[str]) -> int:
    """`watch STAGE PID:STARTED...` or `supervise COMMAND...`; the exit status."""
    if mode == "supervise":
        return _supervise(arguments)
    stage, *watched = arguments
    _watch(int(stage), [(int(pid), started) for pid, started in (item.split(":") for item in watched)])
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], sys.argv[2:]))
