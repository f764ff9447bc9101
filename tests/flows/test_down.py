"""`make down` leaves nothing running."""

import os
import sys
import time
from pathlib import Path

import pytest

from cxr.runtime import process_tree
from flows import down
from flows.server import services


@pytest.mark.parametrize("stubborn", [False, True])
def test_make_down_ends_flows_and_their_stages_though_they_run_in_sessions_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stubborn: bool
) -> None:
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    monkeypatch.setattr(services, "_STOP_SECONDS", 2)
    pids, ignore = tmp_path / "pids", "signal.signal(signal.SIGTERM, signal.SIG_IGN); " if stubborn else ""
    stage = (
        "import os, pathlib, subprocess, time; "
        "child = subprocess.Popen(['sleep', '600'], start_new_session=True); "
        f"pathlib.Path({str(pids)!r}).write_text(f'{{os.getppid()}} {{os.getpid()}} {{child.pid}}'); "
        "time.sleep(600)"
    )
    flow = (
        f"import signal, sys; from pathlib import Path; from flows.support.supervised import run; {ignore}"
        f"run([sys.executable, '-c', {stage!r}], Path.cwd(), {{}}, print)"
    )
    worker = (
        "import os, subprocess, sys, time; subprocess.Popen([sys.executable, '-c', sys.argv[1]], "
        "env={**os.environ, 'PREFECT__FLOW_RUN_ID': '1'}, start_new_session=True); time.sleep(600)"
    )
    services.start(
        "worker-cpu",
        [sys.executable, "-c", worker, flow],
        tmp_path,
        {**os.environ, "PREFECT_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    until = time.monotonic() + 60
    while not (pids.exists() and len(pids.read_text().split()) == 3) and time.monotonic() < until:
        time.sleep(0.1)
    there = [*services.flows_of(tmp_path), *map(int, pids.read_text().split())]
    assert len(there) == 4 and all(process_tree.status(pid) for pid in there)
    assert down.main([]) == 0
    assert [pid for pid in there if process_tree.status(pid)] == [] and services.flows_of(tmp_path) == []
