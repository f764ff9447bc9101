"""The miniature project over three machines (tests/fixtures/flows_net.py): bytes, secrets, a partition, cron."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cxr.runtime.dvc_lock import object_path
from flows.repo import lockfile
from tests.fixtures.flows_net import DATABASE_WORD, HUB, MACHINES, S3_WORD, SSH_PORT, Net, ip, machines, rows
from tests.fixtures.flows_project import Project, git, make
from tests.fixtures.flows_team import AUTH, engines, until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["s3", "ssh"])
def net(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    top = tmp_path_factory.mktemp("net")
    with machines(make(top / "p"), top, request.param) as made:
        yield made


def where(project: Project) -> dict[str, str]:
    """Stage to the machine that ran it."""
    lines = [line.split() for line in project.ran.read_text().splitlines() if line.startswith("start ")]
    return {words[1]: words[3] for words in lines if words[1] != "check"}


def test_the_pipeline_over_three_machines_makes_the_bytes_of_a_local_repro(net: Net, tmp_path: Path) -> None:
    run = net.team.submit(train__seconds=8.0, compress__seconds=0.1)
    ended = net.team.ended(run)
    assert ended["state_type"] == "COMPLETED", net.team.logs(run)
    ran = where(net.project)
    assert {ran["phantom"], ran["ingest"], ran["preprocess"], ran["report"]} == {"cpu-one"}
    assert ran["train"].startswith("gpu") and ran["compress"].startswith("gpu") and ran["explain"].startswith("gpu")

    tag = git(net.project.git, "tag")
    clone = tmp_path / "local"
    git(tmp_path, "clone", "-q", "-b", tag, str(net.project.git), str(clone))
    recorded = lockfile.committed(clone)
    raw = recorded["data/raw/phantom"]
    assert object_path(net.homes["cpu-one"] / "dvc-cache", raw).exists()
    for name in ("gpu-one", "gpu-two"):
        assert not object_path(net.homes[name] / "dvc-cache", raw).exists(), f"{name} pulled the raw images"
    git(clone, "rm", "-q", "--cached", "dvc.lock", "data/raw/dvc.lock")
    for lock in lockfile.LOCKS:
        (clone / lock).unlink()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "-q"],
        cwd=clone,
        check=True,
        env={**os.environ, "PATH": path, "RAN": str(tmp_path / "ran")},
    )
    assert lockfile.differences(recorded, lockfile.outputs_of(clone)) == []


def test_the_server_keeps_its_runs_in_postgresql(net: Net) -> None:
    assert int(rows("SELECT count(*) FROM flow_run")) >= int(net.team.api("POST", "/flow_runs/count", {})) > 0
    assert not list(net.team.home.glob("*.db")), "and in no SQLite"


def test_no_secret_stands_in_parameters_logs_or_artifacts(net: Net) -> None:
    wanted = {"limit": 200}
    logs = [log["message"] for log in net.team.api("POST", "/logs/filter", wanted)]
    runs = net.team.api("POST", "/flow_runs/filter", wanted)
    artifacts = net.team.api("POST", "/artifacts/filter", wanted)
    assert logs and runs and artifacts
    shown = "\n".join([*logs, *map(str, runs), *map(str, artifacts)])
    for home in (net.team.home, *net.homes.values()):
        assert list(home.glob("*.log"))
        shown += "".join(path.read_text(errors="replace") for path in home.glob("*.log"))
    for secret in (AUTH.partition(":")[2], S3_WORD, DATABASE_WORD, "OPENSSH PRIVATE KEY"):
        assert secret not in shown


def test_a_stage_cut_off_from_the_network_is_taken_by_the_other_machine_and_recorded_once(net: Net) -> None:
    net.project.forget()
    before = git(net.project.git, "tag").splitlines()
    run = net.team.submit(train__seconds=100.0)
    until(lambda: "train" in (where(net.project) if net.project.ran.exists() else {}), 400, "training to start")
    first = where(net.project)["train"]
    ip("netns", "exec", first, "ip", "link", "set", "eth0", "down")  # a partition: it lives, nobody hears of it
    until(lambda: where(net.project)["train"] != first, 400, "another machine to take the stage")
    attempts = net.team.attempts(run, "train")
    assert len(attempts) == 2 and attempts[0]["state_type"] == "CRASHED"
    assert where(net.project)["train"].startswith("gpu")

    ip("netns", "exec", first, "ip", "link", "set", "eth0", "up")  # it reaches git, the remote and the server again
    late = {"artifacts": {"flow_run_id": {"any_": [attempts[0]["id"]]}}, "limit": 200}
    until(
        lambda: [kept for kept in net.team.api("POST", "/artifacts/filter", late) if kept["type"] == "result"],
        400,
        "the machine that came back to deliver its entry",
    )
    ended = net.team.ended(run, 1200)
    assert ended["state_type"] == "COMPLETED", net.team.logs(run)
    assert "train: done (attempt 2)" in net.team.logs(run) and "train: done (attempt 1)" not in net.team.logs(run)
    assert len(net.team.attempts(run, "train")) == 2
    assert net.project.ran.read_text().count("end train") == 2, "the one cut off ran to its end too"
    until(lambda: not engines(attempts[0]["id"]), 120, "its flow to end")
    time.sleep(10)  # for a record, if there were one
    tags = [tag for tag in git(net.project.git, "tag").splitlines() if tag not in before]
    assert len(tags) == 1
    pinned = git(net.project.git, "rev-parse", f"{tags[0]}~1")
    children = git(net.project.git, "for-each-ref", "--format=%(objectname) %(parent)", "refs/heads/runs").splitlines()
    assert len([line for line in children if line.endswith(pinned)]) == 1


def test_a_cron_schedule_really_fires(net: Net) -> None:
    deployment = net.team.api("GET", "/deployments/name/pipeline/pipeline")["id"]
    at = datetime.now(UTC) + timedelta(minutes=2)
    made = net.team.api(
        "POST",
        f"/deployments/{deployment}/schedules",
        [{"active": True, "schedule": {"cron": f"{at.minute} {at.hour} * * *", "timezone": "UTC"}}],
    )

    def fired() -> list[dict[str, object]]:
        runs = net.team.api(
            "POST",
            "/flow_runs/filter",
            {
                "limit": 50,
                "sort": "START_TIME_DESC",
                "flow_runs": {"deployment_id": {"any_": [deployment]}, "state": {"type": {"any_": ["COMPLETED"]}}},
            },
        )
        return [run for run in runs if run["auto_scheduled"]]

    try:
        run = until(fired, 900, "a scheduled run to complete")[0]
    finally:
        net.team.api("DELETE", f"/deployments/{deployment}/schedules/{made[0]['id']}")
    assert run["expected_start_time"].startswith(f"{at:%Y-%m-%dT%H:%M}:00"), "on the minute, as the cron line says"


def test_the_dvc_remote_was_reached_over_the_network(net: Net) -> None:
    address = net.team.environment["CXR_REMOTE"]
    assert address.startswith(("s3://", f"ssh://root@{HUB}:{SSH_PORT}/")) and not net.project.store.exists()
    kept = net.team.home.parent / ("ssh-store" if address.startswith("ssh") else "bucket-store/cxr/store")
    assert len(list((kept / "files" / "md5").glob("*/*"))) > len(MACHINES)
