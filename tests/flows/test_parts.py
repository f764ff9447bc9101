"""The parts that flows are made of, one by one: supervisor, overrides, summary, services, pools."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from cxr.runtime import process_tree
from flows import down, up
from flows.dispatch import pools
from flows.repo import status
from flows.server import deploy, environment, services
from flows.support import overrides, supervised
from flows.support.secrets import without_credentials
from flows.support.settings import from_environment


def test_a_killed_flow_leaves_no_stage_behind(tmp_path: Path) -> None:
    script = tmp_path / "flow.py"
    script.write_text("import sys\nfrom pathlib import Path\nfrom flows.support.supervised import run\n"
                      "run([sys.executable, '-c', sys.argv[1]], Path.cwd(), {}, print)\n")
    stage = ("import os, subprocess, time; child = subprocess.Popen(['sleep', '600'], start_new_session=True); "
             "print(os.getpid(), child.pid, flush=True); time.sleep(600)")
    flow = subprocess.Popen([sys.executable, str(script), stage], stdout=subprocess.PIPE, text=True,
                            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"})
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
    ended = supervised.run([sys.executable, "-c", "print('a\\rb'); print('c'); raise SystemExit(3)"], tmp_path, {},
                           seen.append)
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


def test_ready_are_stale_stages_below_which_nothing_is_open() -> None:
    def step(address: str, *upstream: str, stale: str = "") -> status.Step:
        return status.Step(address, upstream, (), (), False, stale)

    steps = [step("a", stale="x"), step("b", "a", stale="x"), step("c", "b", stale="x"), step("d", stale="x"),
             step("e"), step("f", "e", stale="x")]
    assert [s.address for s in status.ready(steps, set())] == ["a", "d", "f"]
    assert [s.address for s in status.ready(steps, {"a"})] == ["d", "f"]
    fresh = [step("a"), step("b", "a"), step("c", "b", stale="x")]
    assert [s.address for s in status.ready(fresh, {"a"})] == [], "c hangs on a through b"


def test_an_override_keeps_comments_and_refuses_what_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("# top\ntrain:\n  epochs: 3  # enough\n")
    assert overrides.apply(path, overrides.parse(["train.epochs=2"])) == ["params.yaml: train.epochs 3 -> 2"]
    assert path.read_text() == "# top\ntrain:\n  epochs: 2  # enough\n"
    for text in ("train.epochs", "train.epochs=: : [", "model.epochs=1"):
        with pytest.raises(overrides.OverrideError, match="--set"):
            overrides.apply(path, overrides.parse([text]))


def test_the_server_is_not_opened_to_a_network_without_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                                  capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    monkeypatch.setenv("CXR_GIT", str(tmp_path))
    monkeypatch.setenv("CXR_HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.delenv("CXR_AUTH", raising=False)
    assert up.main() == 1 and "CXR_AUTH" in capsys.readouterr().err
    assert not services.is_open("127.0.0.1") and not services.is_open("localhost") and services.is_open("10.0.0.1")


def test_the_deployments_use_pools_that_are_made(root: Path) -> None:
    deployments = yaml.safe_load((root / "prefect.yaml").read_text())["deployments"]
    assert {d["work_pool"]["name"] for d in deployments} == set(pools.POOLS)
    assert {f"stage-{pool}" for pool in pools.POOLS} <= {d["name"] for d in deployments}
    assert (pools.pool("train"), pools.pool("data/raw/dvc.yaml:phantom")) == ("gpu", "cpu")


def test_every_schedule_is_live_or_not_by_one_setting_and_the_file_alone_deploys_none_live(root: Path) -> None:
    content = yaml.safe_load((root / "prefect.yaml").read_text())

    def live(given: dict) -> dict[str, list[bool]]:
        return {d["name"]: [s["active"] for s in d["schedules"]] for d in given["deployments"] if "schedules" in d}

    named = {"pipeline", "score", "monitor", "retrain"}
    assert live(content) == {name: [False] for name in named}
    assert live(deploy.settled(content, True, 60)) == {name: [True] for name in named}
    triggers = [d["triggers"] for d in deploy.settled(content, False, 60)["deployments"] if "triggers" in d]
    assert [t["within"] for t in triggers[0]] == ["PT60S"]
    default = yaml.safe_load((root / "params.yaml").read_text())["retrain"]["cooldown_seconds"]
    assert deploy.settled(content, False, default) == content, "the file's cooldown is that of params.yaml"
    assert "$" not in json.dumps(content), "`prefect deploy --all` needs no variable"


def test_the_server_listens_on_loopback_unless_told_and_one_setting_is_its_password_on_both_sides(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CXR_HOST", "CXR_PORT", "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"):
        monkeypatch.delenv(name, raising=False)
    assert (from_environment().host, from_environment().port) == ("127.0.0.1", 4200)
    monkeypatch.setenv("CXR_AUTH", "admin:hunter2")
    made = environment.variables(from_environment(), tmp_path)
    assert made["PREFECT_SERVER_API_AUTH_STRING"] == made["PREFECT_API_AUTH_STRING"] == "admin:hunter2"


def test_no_flow_keeps_its_result(root: Path) -> None:
    flows = [line for path in (root / "flows").rglob("*.py") for line in path.read_text().splitlines()
             if line.startswith(("@flow", "@task"))]
    assert len(flows) >= 8 and all("persist_result=False" in line for line in flows), flows


def test_a_service_is_found_again_by_its_start_and_stopped(tmp_path: Path) -> None:
    pid = services.start("sleeper", ["sleep", "60"], tmp_path, dict(os.environ))
    assert services.start("sleeper", ["sleep", "60"], tmp_path, dict(os.environ)) == pid
    assert services.stop("sleeper", tmp_path) and not services.stop("sleeper", tmp_path)
    (tmp_path / "sleeper.pid").write_text(f"{os.getpid()} 1\n")
    assert services.running("sleeper", tmp_path) is None, "another process that got the same pid"


@pytest.mark.parametrize("stubborn", [False, True])
def test_make_down_ends_flows_and_their_stages_though_they_run_in_sessions_of_their_own(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stubborn: bool) -> None:
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    monkeypatch.setattr(services, "_STOP_SECONDS", 2)
    pids, ignore = tmp_path / "pids", "signal.signal(signal.SIGTERM, signal.SIG_IGN); " if stubborn else ""
    stage = ("import os, pathlib, subprocess, time; "
             "child = subprocess.Popen(['sleep', '600'], start_new_session=True); "
             f"pathlib.Path({str(pids)!r}).write_text(f'{{os.getppid()}} {{os.getpid()}} {{child.pid}}'); "
             "time.sleep(600)")
    flow = (f"import signal, sys; from pathlib import Path; from flows.support.supervised import run; {ignore}"
            f"run([sys.executable, '-c', {stage!r}], Path.cwd(), {{}}, print)")
    worker = ("import os, subprocess, sys, time; subprocess.Popen([sys.executable, '-c', sys.argv[1]], "
              "env={**os.environ, 'PREFECT__FLOW_RUN_ID': '1'}, start_new_session=True); time.sleep(600)")
    services.start("worker-cpu", [sys.executable, "-c", worker, flow], tmp_path, {
        **os.environ, "PREFECT_HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])})
    until = time.monotonic() + 60
    while not (pids.exists() and len(pids.read_text().split()) == 3) and time.monotonic() < until:
        time.sleep(0.1)
    there = [*services.flows_of(tmp_path), *map(int, pids.read_text().split())]
    assert len(there) == 4 and all(process_tree.status(pid) for pid in there)
    assert down.main() == 0
    assert [pid for pid in there if process_tree.status(pid)] == [] and services.flows_of(tmp_path) == []
