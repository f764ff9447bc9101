"""`make up`, deploying, the local pipeline reporting to a server, `make down`: a real server, the miniature project."""

import base64
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.flows_project import make
from tests.fixtures.flows_team import AUTH, CODE, Team, alive, engines, stage_pids, team, until

pytestmark = pytest.mark.slow
STAGES = ["check", "ingest", "train", "evaluate", "explain", "report"]
SCHEDULED = ("pipeline/pipeline", "score/score", "monitor/monitor", "retrain/retrain")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    top = tmp_path_factory.mktemp("services")
    with team(make(top, STAGES), top) as made:
        yield made


def command(site: Team, *words: str, folder: Path = CODE, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as somebody who was told server and password."""
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env={**site.environment, **variables}, capture_output=True, text=True
    )


def live(site: Team) -> set[bool]:
    """Whether schedules are live, of all deployments that have one."""
    found = [site.api("GET", f"/deployments/name/{name}")["schedules"] for name in SCHEDULED]
    assert [len(schedules) for schedules in found] == [1] * len(SCHEDULED)
    return {schedule["active"] for schedules in found for schedule in schedules}


def newest(site: Team, flow: str) -> dict[str, Any]:
    """The last run of a flow."""
    found: list[dict[str, Any]] = site.api(
        "POST", "/flow_runs/filter", {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_DESC", "limit": 1}
    )
    return found[0]


def artifacts(site: Team, run: str) -> dict[str, str]:
    """Key to data of what a run left."""
    found = site.api("POST", "/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}, "limit": 200})
    return {artifact["key"]: str(artifact["data"]) for artifact in found}


@pytest.mark.parametrize("word", ["admin:another word", "somebody:a word for tests", AUTH.partition(":")[2]])
def test_a_wrong_password_is_refused(site: Team, word: str) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{site.port}/api/flow_runs/count",
        b"{}",
        {"content-type": "application/json", "authorization": "Basic " + base64.b64encode(word.encode()).decode()},
    )
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request)  # noqa: S310 (our own server)


def test_schedules_are_live_by_one_setting_and_a_plain_deploy_takes_the_file_as_it_stands(site: Team) -> None:
    assert live(site) == {False}
    shown = command(site, "-m", "flows.server.deploy", CXR_SCHEDULES="true")
    assert shown.returncode == 0 and "schedules live" in shown.stdout, shown.stderr
    assert live(site) == {True}
    plain = command(site, "-m", "prefect", "--no-prompt", "deploy", "--all")
    assert plain.returncode == 0, plain.stdout + plain.stderr
    assert live(site) == {False}, "as docs/how-to/prefect-team.md says"
    assert len(site.api("POST", "/deployments/filter", {})) == 8


def test_the_local_pipeline_reports_to_a_server_that_is_named(site: Team) -> None:
    folder = site.project.checkout
    site.project.set(train={"epochs": 3, "fail": False, "megabytes": 0, "seconds": 12.0})
    ended = command(site, "-m", "flows.pipeline", folder=folder)
    assert ended.returncode == 0, ended.stderr
    run = newest(site, "pipeline-here")
    assert run["state_type"] == "COMPLETED"
    left = until(lambda: artifacts(site, run["id"]), 30, "artifacts")
    assert (
        "| base.auroc.macro | 0.9030 | n/a | n/a |" in left["pipeline-summary"]
        and "not recorded" in left["pipeline-summary"]
    )
    assert (folder / "reports" / "index.html").as_uri() in left["report"] and float(left["progress-train"]) == 100
    assert until(lambda: "train: working" in site.logs(run["id"]), 30, "a stage's line in the log")
    assert "Running stage 'evaluate'" in site.logs(run["id"]) and "train: working" in ended.stderr + ended.stdout

    again = command(site, "-m", "flows.pipeline", folder=folder)
    assert again.returncode == 0 and newest(site, "pipeline-here")["id"] != run["id"]
    until(lambda: "nothing is stale" in site.logs(newest(site, "pipeline-here")["id"]), 30, "the log")


def test_a_local_pipeline_that_fails_says_in_its_state_which_stage_and_its_last_lines(site: Team) -> None:
    secret = "a-word-of-a-mirror"
    ended = command(
        site,
        "-m",
        "flows.pipeline",
        "--set",
        "train.fail=showing its environment",
        folder=site.project.checkout,
        MIRROR=f"https://me:{secret}@host/x",
    )
    assert ended.returncode not in (0, 1) and "Traceback" not in ended.stderr.splitlines()[-1]
    run = newest(site, "pipeline-here")
    said = run["state"]["message"]
    assert run["state_type"] == "FAILED" and "stage train failed" in said and "row 17 of labels.csv" in said
    logs = until(lambda: "MIRROR https://***@host/x" in site.logs(run["id"]) and site.logs(run["id"]), 30, "the log")
    assert secret not in logs + said + ended.stdout + ended.stderr
    assert AUTH.partition(":")[2] not in logs + said and "PREFECT_API_AUTH_STRING" not in logs


def test_make_down_leaves_no_process_of_the_project(site: Team) -> None:
    site.project.forget()
    run = site.submit(train__seconds=300.0)
    until(lambda: len(stage_pids(site.project, "train")) >= 2, 300, "training to start")
    stage = site.attempts(run, "train")[-1]["id"]
    there = [*engines(run), *engines(stage), *stage_pids(site.project, "train")]
    assert len(there) >= 4 and all(alive(pid) for pid in there) and set(there) <= set(of_the_project(site))
    down = command(site, "-m", "flows.down", CXR_HOME=str(site.home))
    assert all(words in down.stdout for words in ("worker-cpu, worker-gpu", "flows with their stages", "server"))
    assert of_the_project(site) == [] and not any(alive(pid) for pid in there)
    assert "end train" not in site.project.ran.read_text()


def of_the_project(site: Team) -> list[int]:
    """Pids of all that was started for this project, by its environment."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if (
                process.name.isdigit()
                and int(process.name) != os.getpid()
                and f"CXR_HOME={site.home}\0".encode() in (process / "environ").read_bytes()
                and alive(int(process.name))
            ):
                found.append(int(process.name))
        except OSError:
            continue
    return found
