"""Faults done for real, to a real server and real workers: the miniature project, authentication on, SQLite."""
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import lockfile, services
from tests.flows_project import git, make
from tests.flows_team import CODE, Team, alive, engines, stage_pids, team, until

pytestmark = pytest.mark.slow
STAGES = ["check", "ingest", "train", "evaluate", "explain"]
LONG = 25.0  # seconds that a stage takes which is to be hit


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    top = tmp_path_factory.mktemp("faults")
    with team(make(top, STAGES), top) as made:
        yield made


@pytest.fixture(autouse=True)
def fresh(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("crew").project.forget()


def in_stage(crew: Team, run: str, stage: str) -> tuple[str, list[int]]:
    """Wait until a stage's command runs; its flow run's id and the pids of command and child."""
    until(lambda: len(stage_pids(crew.project, stage)) >= 2, 300, f"{stage} to start")
    return crew.attempts(run, stage)[-1]["id"], stage_pids(crew.project, stage)


def versions(crew: Team) -> list[str]:
    return git(crew.project.git, "tag").splitlines()


def test_a_run_is_recorded_and_leaves_its_artifacts_and_no_pickle(crew: Team) -> None:
    run = crew.ended(crew.submit())
    assert run["state_type"] == "COMPLETED", crew.logs(run["id"])
    assert versions(crew) == ["model@v0.0.1"]
    shown = crew.api("POST", "/artifacts/filter", {"limit": 200})
    page = next(a["data"] for a in shown if a["key"] == "pipeline-summary")
    assert "| base.auroc.macro | 0.9030 |" in page and "model" not in str(run["parameters"])
    assert not list((crew.home / "storage").glob("*")), "no result is written, so none is pickled"
    assert crew.project.store.exists() and "hunter" not in crew.logs(run["id"])


def test_who_does_not_know_the_password_is_refused(crew: Team) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{crew.port}/api/flow_runs/count", data=b"{}")
    shown = subprocess.run(["ss", "-ltn"], capture_output=True, text=True)
    if shown.returncode == 0:
        assert f"127.0.0.1:{crew.port}" in shown.stdout and f"0.0.0.0:{crew.port}" not in shown.stdout


def test_a_failing_stage_is_named_and_the_next_run_starts_there(crew: Team) -> None:
    run = crew.ended(crew.submit(train__fail=True))
    assert run["state_type"] == "FAILED"
    assert "stage train failed" in run["state"]["message"] and "row 17 of labels.csv" in run["state"]["message"]
    assert "evaluate" not in crew.project.runs()
    crew.project.forget()
    mended = crew.ended(crew.submit(train__seconds=0.01))
    assert mended["state_type"] == "COMPLETED"
    assert next(name for name in crew.project.runs() if name != "check") == "train"


def test_a_killed_stage_flow_is_given_out_again_and_recorded_once(crew: Team) -> None:
    before = versions(crew)
    run = crew.submit(train__seconds=LONG)
    stage, pids = in_stage(crew, run, "train")
    for pid in engines(stage):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in pids), 30, "the stage's processes to be gone")
    assert crew.ended(run)["state_type"] == "COMPLETED"
    assert [a["state_type"] for a in crew.attempts(run, "train")] == ["CRASHED", "COMPLETED"]
    assert len(versions(crew)) == len(before) + 1


def test_a_killed_pipeline_flow_is_taken_up_again_and_no_stage_runs_twice(crew: Team) -> None:
    run = crew.submit(train__seconds=LONG + 1)
    in_stage(crew, run, "train")
    for pid in engines(run):
        os.kill(pid, signal.SIGKILL)
    ended = crew.ended(run)
    assert ended["state_type"] == "COMPLETED" and ended["run_count"] == 2, crew.logs(run)
    assert crew.project.runs().count("train") == 1 and len(crew.attempts(run, "train")) == 1


def test_a_cancelled_run_stops_its_stage_with_all_children(crew: Team) -> None:
    run = crew.submit(train__seconds=LONG + 60)
    stage, pids = in_stage(crew, run, "train")
    crew.api("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    until(lambda: not any(alive(pid) for pid in pids), 120, "the stage's processes to be gone")
    assert crew.ended(run, 120)["state_type"] == "CANCELLED"
    assert until(lambda: crew.run(stage)["state_type"] == "CANCELLED", 60, "the stage's run to say so")


def test_a_cancelled_stage_ends_its_run(crew: Team) -> None:
    run = crew.submit(train__seconds=LONG + 61)
    stage, pids = in_stage(crew, run, "train")
    crew.api("POST", f"/flow_runs/{stage}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    until(lambda: not any(alive(pid) for pid in pids), 120, "the stage's processes to be gone")
    ended = crew.ended(run, 240)
    assert ended["state_type"] == "FAILED" and "train was cancelled" in ended["state"]["message"]


def test_two_runs_at_once_are_both_recorded(crew: Team) -> None:
    before = versions(crew)
    runs = [crew.submit(train__epochs=7), crew.submit(train__epochs=8)]
    assert [crew.ended(run)["state_type"] for run in runs] == ["COMPLETED", "COMPLETED"]
    assert len(versions(crew)) == len(before) + 2


def test_a_server_restarted_in_mid_run_loses_nothing(crew: Team) -> None:
    run = crew.submit(train__seconds=LONG + 2)
    in_stage(crew, run, "train")
    services.stop("server", crew.home)
    given = {**crew.environment, "CXR_PORT": str(crew.port), "CXR_HOME": str(crew.home)}
    subprocess.run([sys.executable, "-m", "flows.up"], cwd=CODE, env=given, check=True)
    assert crew.ended(run)["state_type"] == "COMPLETED"
    assert crew.project.runs().count("train") == 1


def test_a_stage_whose_worker_and_flow_were_killed_is_taken_up_by_another_machine(crew: Team) -> None:
    run = crew.submit(train__seconds=LONG + 3)
    stage, pids = in_stage(crew, run, "train")
    worker = services.running("worker-gpu", crew.home)
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    for pid in engines(stage):
        os.kill(pid, signal.SIGKILL)
    crew.worker("gpu", "second")
    assert crew.ended(run, 1200)["state_type"] == "COMPLETED"
    assert [a["state_type"] for a in crew.attempts(run, "train")] == ["CRASHED", "COMPLETED"]
    assert not any(alive(pid) for pid in pids)
    machines = [line.split()[3] for line in crew.project.ran.read_text().splitlines() if line.startswith("start train")]
    assert machines == ["first", "second"], "the first was dead before the second began"
    assert lockfile.committed(_at(crew, versions(crew)[-1]))


def _at(crew: Team, tag: str) -> Path:
    folder = crew.home.parent / f"at-{tag}"
    git(crew.home.parent, "clone", "-q", "-b", tag, str(crew.project.git), str(folder))
    return folder
