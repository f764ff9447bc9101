"""Retraining on a real server with real workers: what a drift event starts, how often, and how it ends.

The miniature project, the stages' answers played (tests/fixtures/flows_production.py). The steps by themselves, without
a server: tests/flows/release/test_retraining.py. The same with real models: `make demo-drift`.
"""

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures import flows_production as played
from tests.fixtures.flows_project import git
from tests.fixtures.flows_team import FINAL, Team, team, until

pytestmark = pytest.mark.slow
COOLDOWN = 90  # seconds, in the miniature's params.yaml: longer than a hundred events take on a loaded machine
SETTLED = 15.0  # seconds after which the server has counted an event, or forgotten one
LONG = COOLDOWN + 3 * SETTLED  # seconds that training takes where an event that counts is to come meanwhile


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Server and workers, v0.0.1 recorded and in production."""
    top = tmp_path_factory.mktemp("trigger")
    project, production = played.project(top, COOLDOWN), top / "production"
    played.record_main(project)
    played.put(production, "v0.0.1")
    with team(project, top, CXR_PRODUCTION=str(production)) as made:
        yield made


def production(site: Team) -> Path:
    """The production folder."""
    return Path(site.environment["CXR_PRODUCTION"])


def drift(site: Team, times: int = 1, reason: str = "input: {{ not a template }}") -> None:
    """What the monitor emits, some times over."""
    event = {
        "event": "cxr.drift.detected",
        "resource": {"prefect.resource.id": "cxr.model.0123"},
        "payload": {"reasons": [reason], "data_hash": "abc"},
    }
    body: Any = [{**event, "id": str(uuid.uuid4()), "occurred": datetime.now(UTC).isoformat()} for _ in range(times)]
    site.api("POST", "/events", body)


def retrainings(site: Team) -> list[dict[str, Any]]:
    """Runs of the flow `retrain`, oldest first."""
    found = site.api("POST", "/flow_runs/filter", {"flows": {"name": {"any_": ["retrain"]}}, "limit": 200})
    return sorted(found, key=lambda run: str(run["created"]))


def new(site: Team, before: int) -> dict[str, Any]:
    """The run that comes after those before, once it ended."""
    return ended(site, until(lambda: retrainings(site)[before:], 90, "a retraining to start by itself")[0], 300 + LONG)


def ended(site: Team, run: dict[str, Any], seconds: float) -> dict[str, Any]:
    """A run once it ended, as the server has it then."""
    found: dict[str, Any] = until(
        lambda: (now := site.run(run["id"]))["state_type"] in FINAL and now, seconds, f"the end of {run['name']}"
    )
    return found


def cooled_down(since: float | None = None) -> None:
    """Wait until an event counts again: the cooldown, from now or from an earlier `time.monotonic()`."""
    now = time.monotonic()
    time.sleep(max(0.0, (now if since is None else since) + COOLDOWN + SETTLED - now))


def test_a_hundred_events_within_the_cooldown_make_one_run_and_one_after_it_the_next(site: Team) -> None:
    started = time.monotonic()
    for _ in range(20):
        drift(site, 5)
        time.sleep(1.5)
    assert time.monotonic() - started < COOLDOWN, "the machine is too slow for this test"
    run = new(site, 0)
    time.sleep(max(0, COOLDOWN - (time.monotonic() - started)))
    assert len(retrainings(site)) == 1
    assert run["state_name"] == "NothingTrained" and "0 new labelled studies wait" in run["state"]["message"]
    assert run["parameters"]["cause"]["reasons"] == ["input: {{ not a template }}"]
    alerts = [a for a in site.api("POST", "/artifacts/filter", {"limit": 200}) if a["key"] == "retrain-alert"]
    assert len(alerts) == 1 and "Copy labelled studies there" in alerts[0]["data"]

    cooled_down()
    drift(site)
    new(site, 1)
    assert len(retrainings(site)) == 2


def train_for_long(site: Team) -> None:
    """From now on a retraining has something to train, and takes LONG seconds for it."""
    site.project.set(train={"epochs": 3, "seconds": LONG, "initial": "models/scratch.json"})
    site.project.commit("train for longer")
    played.arrive(production(site), "from-b", 4)


def test_an_event_during_a_retraining_is_turned_away_and_said_again_starts_the_next(site: Team) -> None:
    cooled_down()
    before = len(retrainings(site))
    train_for_long(site)
    started = time.monotonic()
    drift(site)
    first = until(lambda: retrainings(site)[before:], 90, "a retraining to start by itself")[0]
    until(lambda: "train" in site.project.runs(), 300, "training to start")
    asked = site.api("GET", "/deployments/name/retrain/retrain")["id"]
    by_hand = site.api("POST", f"/deployments/{asked}/create_flow_run", {"state": {"type": "SCHEDULED"}})
    assert ended(site, by_hand, 120)["state_type"] == "CANCELLED"

    cooled_down(started)  # so that the cooldown is not what turns the next event away
    drift(site, reason="input: meanwhile")
    meanwhile = until(lambda: retrainings(site)[before + 2 :], 60, "the event to be answered")[0]
    said_in_vain = time.monotonic()
    assert meanwhile["parameters"]["cause"]["reasons"] == ["input: meanwhile"]
    assert ended(site, meanwhile, 60)["state_type"] == "CANCELLED"
    assert site.run(first["id"])["state_type"] not in FINAL, "the machine is too slow for this test: raise LONG"

    run = ended(site, first, 300 + LONG)
    assert run["state_name"] == "Promoted", site.logs(run["id"])
    assert [release["version"] for release in played.releases(production(site))] == ["v0.0.1", "v0.0.2"]
    assert git(site.project.git, "tag", "--list", "model#prod#*") == "model#prod#1"
    assert git(site.project.git, "rev-parse", "main") == git(site.project.git, "rev-parse", "model@v0.0.2^{commit}")

    cooled_down(said_in_vain)  # drift stands: the next window says it again, and now it starts a retraining
    drift(site, reason="input: meanwhile")
    again = new(site, before + 3)
    assert again["state_name"] == "NothingTrained" and again["parameters"]["cause"]["reasons"] == ["input: meanwhile"]
    assert played.judged(production(site)) == 1
