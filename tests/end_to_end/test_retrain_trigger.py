"""Retraining on a real server with real workers: what a drift event starts, how often, and how it ends.

The miniature project, the stages' answers played (tests/flows_production.py). The steps by themselves, without a
server: tests/code/test_retraining.py. The same with real models: `make demo-drift`.
"""
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import flows_production as played
from tests.flows_project import git
from tests.flows_team import FINAL, Team, team, until

pytestmark = pytest.mark.slow
COOLDOWN = 90
LONG = 20.0  # seconds that training takes where something is to happen meanwhile


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Server and workers, v0.0.1 recorded and in production."""
    top = tmp_path_factory.mktemp("trigger")
    project, production = played.project(top), top / "production"
    played.record_main(project)
    played.put(production, "v0.0.1")
    with team(project, top, CXR_PRODUCTION=str(production), CXR_RETRAIN_COOLDOWN=str(COOLDOWN)) as made:
        yield made


def production(crew: Team) -> Path:
    """The production folder."""
    return Path(crew.environment["CXR_PRODUCTION"])


def drift(crew: Team, times: int = 1) -> None:
    """What the monitor emits, some times over."""
    event = {"event": "cxr.drift.detected", "resource": {"prefect.resource.id": "cxr.model.0123"},
             "payload": {"reasons": ["input: {{ not a template }}"], "data_hash": "abc"}}
    body: Any = [{**event, "id": str(uuid.uuid4()), "occurred": datetime.now(UTC).isoformat()} for _ in range(times)]
    crew.api("POST", "/events", body)


def retrainings(crew: Team) -> list[dict[str, Any]]:
    """Runs of the flow `retrain`, oldest first."""
    found = crew.api("POST", "/flow_runs/filter", {"flows": {"name": {"any_": ["retrain"]}}, "limit": 200})
    return sorted(found, key=lambda run: str(run["created"]))


def new(crew: Team, before: int, seconds: float = 90) -> dict[str, Any]:
    """The run that comes after those before, once it ended."""
    run = until(lambda: retrainings(crew)[before:], seconds, "a retraining to start by itself")[0]
    return until(lambda: (found := crew.run(run["id"]))["state_type"] in FINAL and found, 300, "its end")


def cooled_down() -> None:
    """Wait until an event counts again."""
    time.sleep(COOLDOWN + 15)


def test_a_hundred_events_within_the_cooldown_make_one_run_and_one_after_it_the_next(crew: Team) -> None:
    started = time.monotonic()
    for _ in range(20):
        drift(crew, 5)
        time.sleep(1.5)
    assert time.monotonic() - started < COOLDOWN, "the machine is too slow for this test"
    run = new(crew, 0)
    time.sleep(max(0, COOLDOWN - (time.monotonic() - started)))
    assert len(retrainings(crew)) == 1
    assert run["state_name"] == "NothingTrained" and "0 new labelled studies wait" in run["state"]["message"]
    assert run["parameters"]["cause"]["reasons"] == ["input: {{ not a template }}"]
    alerts = [a for a in crew.api("POST", "/artifacts/filter", {"limit": 200}) if a["key"] == "retrain-alert"]
    assert len(alerts) == 1 and "Copy labelled studies there" in alerts[0]["data"]

    cooled_down()
    drift(crew)
    new(crew, 1)
    assert len(retrainings(crew)) == 2


def test_drift_with_labelled_studies_waiting_ends_in_production_and_one_run_goes_at_a_time(crew: Team) -> None:
    cooled_down()
    before = len(retrainings(crew))
    crew.project.set(train={"epochs": 3, "seconds": LONG, "initial": "models/scratch.json"})
    crew.project.commit("train for longer")
    played.arrive(production(crew), "from-b", 4)
    drift(crew)
    until(lambda: len(retrainings(crew)) > before, 90, "a retraining to start by itself")
    until(lambda: "train" in crew.project.runs(), 300, "training to start")
    asked = crew.api("GET", "/deployments/name/retrain/retrain")["id"]
    second = crew.api("POST", f"/deployments/{asked}/create_flow_run", {"state": {"type": "SCHEDULED"}})
    assert until(lambda: (found := crew.run(second["id"]))["state_type"] in FINAL and found, 120,
                 "the second to be turned away")["state_type"] == "CANCELLED"
    run = new(crew, before)
    assert run["state_name"] == "Promoted", crew.logs(run["id"])
    assert [release["version"] for release in played.releases(production(crew))] == ["v0.0.1", "v0.0.2"]
    assert git(crew.project.git, "tag", "--list", "model#prod#*") == "model#prod#1"
    assert git(crew.project.git, "rev-parse", "main") == git(crew.project.git, "rev-parse", "model@v0.0.2^{commit}")

    cooled_down()  # what came meanwhile was turned away: the monitor says it again while drift stands
    drift(crew)
    assert new(crew, before + 2)["state_name"] == "NothingTrained"
    assert played.judged(production(crew)) == 1
