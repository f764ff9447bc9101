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
import yaml

from flows.repo import lockfile
from flows.server import services
from tests.fixtures.flows_project import git, make
from tests.fixtures.flows_team import AUTH, CODE, Team, alive, engines, stage_pids, team, until

pytestmark = pytest.mark.slow
STAGES = ["check", "ingest", "train", "evaluate", "explain"]
LONG = 25.0  # seconds that a stage takes which is to be hit
WORD = AUTH.partition(":")[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    top = tmp_path_factory.mktemp("faults")
    with team(make(top, STAGES), top) as made:
        yield made


@pytest.fixture(autouse=True)
def fresh(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("site").project.forget()


def in_stage(site: Team, run: str, stage: str) -> tuple[str, list[int]]:
    """Wait until a stage's command runs; its flow run's id and the pids of command and child."""
    until(lambda: len(stage_pids(site.project, stage)) >= 2, 300, f"{stage} to start")
    return site.attempts(run, stage)[-1]["id"], stage_pids(site.project, stage)


def versions(site: Team) -> list[str]:
    return git(site.project.git, "tag").splitlines()


def test_a_run_is_recorded_and_leaves_its_artifacts_and_no_pickle(site: Team) -> None:
    run = site.ended(site.submit())
    assert run["state_type"] == "COMPLETED", site.logs(run["id"])
    assert versions(site) == ["model@v0.0.1"]
    shown = site.api("POST", "/artifacts/filter", {"limit": 200})
    page = next(a["data"] for a in shown if a["key"] == "pipeline-summary")
    assert "| base.auroc.macro | 0.9030 |" in page and "model" not in str(run["parameters"])
    assert not list((site.home / "storage").glob("*")), "no result is written, so none is pickled"
    assert site.project.store.exists() and WORD not in shown_of(site, run["id"])


def shown_of(site: Team, run: str) -> str:
    """What people can read of a run: logs and states, its stages' too, and what server and workers wrote."""
    stages = [stage for name in STAGES for stage in site.attempts(run, name)]
    texts = [site.logs(each["id"]) + str(each) for each in (site.run(run), *stages)]
    assert len(texts) > 1 and all(site.logs(stage["id"]) for stage in stages)
    return "\n".join([*texts, *(path.read_text(errors="replace") for path in site.home.glob("*.log"))])


def listening(port: int) -> set[str]:
    """Addresses (hexadecimal, as the kernel writes them) at which somebody listens on a port."""
    lines = [line for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    ends = [line.split()[1].split(":") for line in lines if line.split()[3] == "0A"]
    return {address for address, at in ends if int(at, 16) == port}


def test_who_does_not_know_the_password_is_refused(site: Team) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{site.port}/api/flow_runs/count", data=b"{}")
    assert listening(site.port) == {"0100007F"}, "127.0.0.1 and nothing else"


def test_a_failing_stage_is_named_and_the_next_run_starts_there(site: Team) -> None:
    run = site.ended(site.submit(train__fail="showing its environment"))
    assert run["state_type"] == "FAILED"
    assert "stage train failed" in run["state"]["message"] and "row 17 of labels.csv" in run["state"]["message"]
    shown = shown_of(site, run["id"])
    assert "\nRAN " in shown and "https://***@host/x" in shown, "it did show its environment"
    assert WORD not in shown and "a-word@" not in shown and "PREFECT_API_AUTH_STRING" not in shown
    assert "evaluate" not in site.project.runs()
    site.project.forget()
    mended = site.ended(site.submit(train__seconds=0.01))
    assert mended["state_type"] == "COMPLETED"
    assert next(name for name in site.project.runs() if name != "check") == "train"


def test_a_killed_stage_flow_is_given_out_again_and_recorded_once(site: Team) -> None:
    before = versions(site)
    run = site.submit(train__seconds=LONG)
    stage, pids = in_stage(site, run, "train")
    for pid in engines(stage):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in pids), 30, "the stage's processes to be gone")
    assert site.ended(run)["state_type"] == "COMPLETED"
    assert [a["state_type"] for a in site.attempts(run, "train")] == ["CRASHED", "COMPLETED"]
    assert len(versions(site)) == len(before) + 1


def test_a_killed_pipeline_flow_is_taken_up_again_and_no_stage_runs_twice(site: Team) -> None:
    run = site.submit(train__seconds=LONG + 1)
    in_stage(site, run, "train")
    for pid in engines(run):
        os.kill(pid, signal.SIGKILL)
    ended = site.ended(run)
    assert ended["state_type"] == "COMPLETED" and ended["run_count"] == 2, site.logs(run)
    assert site.project.runs().count("train") == 1 and len(site.attempts(run, "train")) == 1


def test_a_cancelled_run_stops_its_stage_with_all_children(site: Team) -> None:
    run = site.submit(train__seconds=LONG + 60)
    stage, pids = in_stage(site, run, "train")
    site.api("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    until(lambda: not any(alive(pid) for pid in pids), 120, "the stage's processes to be gone")
    assert site.ended(run, 120)["state_type"] == "CANCELLED"
    assert until(lambda: site.run(stage)["state_type"] == "CANCELLED", 60, "the stage's run to say so")


def test_a_cancelled_stage_ends_its_run(site: Team) -> None:
    run = site.submit(train__seconds=LONG + 61)
    stage, pids = in_stage(site, run, "train")
    site.api("POST", f"/flow_runs/{stage}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    until(lambda: not any(alive(pid) for pid in pids), 120, "the stage's processes to be gone")
    ended = site.ended(run, 240)
    assert ended["state_type"] == "FAILED" and "train was cancelled" in ended["state"]["message"]


def test_two_runs_at_once_are_both_recorded(site: Team) -> None:
    before = versions(site)
    runs = [site.submit(train__epochs=epochs, train__seconds=4.0) for epochs in (7, 8)]
    assert [site.ended(run)["state_type"] for run in runs] == ["COMPLETED", "COMPLETED"]
    new = [tag for tag in versions(site) if tag not in before]
    assert len(new) == 2
    locks = [yaml.safe_load(git(site.project.git, "show", f"{tag}:dvc.lock")) for tag in new]
    trained = [lock["stages"]["train"]["params"]["params.yaml"]["train"]["epochs"] for lock in locks]
    asked = [yaml.safe_load(git(site.project.git, "show", f"{tag}:params.yaml"))["train"]["epochs"] for tag in new]
    assert trained == asked and sorted(asked) == [7, 8], "each version holds its own"
    words = [line.split()[0] for line in site.project.ran.read_text().splitlines() if line.split()[1] == "train"]
    assert [word for word in words if word in ("start", "end")] == ["start", "end"] * 2, "one at a time on a GPU worker"


def test_a_server_restarted_in_mid_run_loses_nothing(site: Team) -> None:
    run = site.submit(train__seconds=LONG + 2)
    in_stage(site, run, "train")
    old = services.running("server", site.home)
    services.stop("server", site.home)
    assert old is not None and not alive(old)
    given = {**site.environment, "CXR_PORT": str(site.port), "CXR_HOME": str(site.home)}
    subprocess.run([sys.executable, "-m", "flows.up"], cwd=CODE, env=given, check=True)
    assert services.running("server", site.home) not in (None, old), "another process serves now"
    assert site.project.ran.read_text().count("end train") == 0, "the stage was in the middle of it"
    assert site.ended(run)["state_type"] == "COMPLETED"
    assert site.project.runs().count("train") == 1


def test_a_stage_whose_worker_and_flow_were_killed_is_taken_up_by_another_machine(site: Team) -> None:
    run = site.submit(train__seconds=LONG + 3)
    stage, pids = in_stage(site, run, "train")
    worker = services.running("worker-gpu", site.home)
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    for pid in engines(stage):
        os.kill(pid, signal.SIGKILL)
    site.worker("gpu", "second")
    assert site.ended(run, 1200)["state_type"] == "COMPLETED"
    assert [a["state_type"] for a in site.attempts(run, "train")] == ["CRASHED", "COMPLETED"]
    assert not any(alive(pid) for pid in pids)
    machines = [line.split()[3] for line in site.project.ran.read_text().splitlines() if line.startswith("start train")]
    assert machines == ["first", "second"]
    assert site.project.ran.read_text().count("end train") == 1, "the first was dead before the second began"
    assert lockfile.committed(_at(site, versions(site)[-1]))


def _at(site: Team, tag: str) -> Path:
    folder = site.home.parent / f"at-{tag}"
    git(site.home.parent, "clone", "-q", "-b", tag, str(site.project.git), str(folder))
    return folder
