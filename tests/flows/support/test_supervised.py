"""A stage's process under its supervisor: streamed, without secrets, and gone when the flow is."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cxr.runtime import process_tree
from flows.support import supervised
from flows.support.secrets import without_credentials


def test_a_killed_flow_leaves_no_stage_behind(tmp_path: Path) -> None:
    script = tmp_path / "flow.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom flows.support.supervised import run\n"
        "run([sys.executable, '-c', sys.argv[1]], Path.cwd(), {}, print)\n"
    )
    stage = (
        "import os, subprocess, time; child = subprocess.Popen(['sleep', '600'], start_new_session=True); "
        "print(os.getpid(), child.pid, flush=True); time.sleep(600)"
    )
    flow = subprocess.Popen(
        [sys.executable, str(script), stage],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONUNBUFFERED": "1"},
    )
    assert flow.stdout is not None
    pids = [int(pid) for pid in flow.stdout.readline().split()]
    assert len(pids) == 2
    flow.kill()
    flow.wait()
    until = time.monotonic() + 60
    while any(process_tree.status(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.1)
    assert [pid for pid in pids if process_tree.status(pid)] == []


def test_what_a_supervised_command_writes_is_streamed_and_its_last_lines_are_kept(tmp_path: Path) -> None:
    seen: list[str] = []
    ended = supervised.run(
        [sys.executable, "-c", "print('a\\rb'); print('c'); raise SystemExit(3)"], tmp_path, {}, seen.append
    )
    assert (ended.status, ended.tail) == (3, ["a", "b", "c"]) and seen == ["a", "b", "c"]


def test_no_secret_reaches_a_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:hunter2")
    monkeypatch.setenv("CXR_AUTH", "admin:hunter2")
    monkeypatch.setenv("MIRROR", "kept")
    seen: list[str] = []
    supervised.run([sys.executable, "-c", "import os; print(dict(os.environ))"], tmp_path, {}, seen.append)
    assert "hunter2" not in "".join(seen) and "'MIRROR': 'kept'" in "".join(seen)
    assert "CXR_AUTH" not in "".join(seen) and "PREFECT" not in "".join(seen)
    assert without_credentials("fetch https://me:word@host/x failed") == "fetch https://***@host/x failed"
