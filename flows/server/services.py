"""Processes of `make up`: started once, found again by their pid and start time, stopped by `make down`."""

import base64
import contextlib
import ipaddress
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from cxr.runtime import process_tree

_STOP_SECONDS = 20
HEARTBEAT_SECONDS = 30  # the least that Prefect takes


def is_open(host: str) -> bool:
    """True for an address that other machines can reach."""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def answers(api: str, path: str = "/health", password: str = "") -> bool:
    """Whether a Prefect server answers at this address; `/health` asks for no password, `/admin/version` for the one
    that is given as "user:word"."""
    word = {"Authorization": "Basic " + base64.b64encode(password.encode()).decode()} if password else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{api}{path}", headers=word), timeout=5):  # noqa: S310
            return True
    except urllib.error.HTTPError as error:
        return path == "/health" and error.code in (401, 403)
    except OSError:
        return False


def start(name: str, command: list[str], folder: Path, environment: dict[str, str]) -> int:
    """Start a service in a session of its own, unless it runs; its pid."""
    if (pid := running(name, folder)) is not None:
        return pid
    with (folder / f"{name}.log").open("a") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    (folder / f"{name}.pid").write_text(f"{process.pid} {_started(process.pid)}\n")
    return process.pid


def running(name: str, folder: Path) -> int | None:
    """Pid of a service that runs, None where it does not (a pid that went to another process is not taken for it)."""
    try:
        pid, started = (folder / f"{name}.pid").read_text().split()
    except (OSError, ValueError):
        return None
    return int(pid) if _started(int(pid)) == started else None


def stop(name: str, folder: Path) -> bool:
    """End a service, by force after a while; False where it did not run."""
    pid = running(name, folder)
    if pid is None:
        return False
    signal_all([pid])
    until = time.monotonic() + _STOP_SECONDS
    while running(name, folder) is not None and time.monotonic() < until:
        _reap(pid)
        time.sleep(0.1)
    if running(name, folder) is not None:
        started = _started(pid)
        with contextlib.suppress(ProcessLookupError):  # it ended just now
            os.killpg(pid, signal.SIGKILL)
        wait_for_end({pid: started} if started else {})
        _reap(pid)
    (folder / f"{name}.pid").unlink(missing_ok=True)
    return True


def flows_of(home: Path) -> list[int]:
    """Pids of the flows whose workers were started with this home: they run in sessions of their own."""
    marks = (f"PREFECT_HOME={home}".encode(), b"PREFECT__FLOW_RUN_ID=")
    found = []
    for process in Path("/proc").iterdir():
        try:
            given = (process / "environ").read_bytes().split(b"\0") if process.name.isdigit() else []
        except OSError:  # gone, or somebody else's
            continue
        if marks[0] in given and any(line.startswith(marks[1]) for line in given):
            found.append(int(process.name))
    return found


def below(pids: list[int]) -> dict[int, str]:
    """These processes and all their descendants, each with its start time, so that none is mistaken for another."""
    every = [*pids, *(child for pid in pids for child in process_tree.descendants(pid))]
    return {pid: started for pid in every if (started := _started(pid))}


def signal_all(pids: list[int], number: int = signal.SIGTERM) -> None:
    """Send a signal to those that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def wait_for_end(processes: dict[int, str]) -> list[int]:
    """Wait until all have ended; pids of those that have not in the time."""
    until = time.monotonic() + _STOP_SECONDS
    while left := [pid for pid, started in processes.items() if _started(pid) == started]:
        if time.monotonic() > until:
            break
        time.sleep(0.1)
    return left


def _started(pid: int) -> str:
    """Start time of a living process in clock ticks; empty where there is none."""
    found = process_tree.status(pid)
    return found.started if found else ""


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
