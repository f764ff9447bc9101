"""The flows `score` and `monitor` without a server: they run the commands, show counts and verdict, raise the alarm."""

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from flows.deployments import monitor, run_log, score
from flows.repo.workspace import StageFailed
from flows.support import settings
from serving.log import scoring_log
from tests.fixtures import scored_place
from tests.serving.monitor import test_command as made
from tests.serving.monitor.test_command import place  # noqa: F401  (a fixture)


@pytest.fixture
def shown(monkeypatch) -> dict[str, list]:
    """What would go to a server: artifacts and events."""
    sent: dict[str, list] = {"artifacts": [], "events": []}
    monkeypatch.setattr(run_log, "get_run_logger", lambda: logging.getLogger("a-run"))
    for module in (monitor, score):
        monkeypatch.setattr(
            module,
            "create_markdown_artifact",
            lambda text, key, description: sent["artifacts"].append((key, description, text)),
        )
    monkeypatch.setattr(run_log, "create_progress_artifact", lambda *rest, **more: SimpleNamespace())
    monkeypatch.setattr(run_log, "update_progress_artifact", lambda *rest, **more: None)
    monkeypatch.setattr(
        monitor, "emit_event", lambda event, resource, payload: sent["events"].append((event, resource, payload))
    )
    return sent


@pytest.fixture
def project(tmp_path: Path, root: Path, monkeypatch) -> Path:
    """A folder that is the flows' project; the code is this checkout's."""
    for house in ("cxr", "serving", "stages"):
        (tmp_path / house).symlink_to(root / house)
    for name, value in (
        ("CXR_PROJECT", tmp_path),
        ("CXR_PRODUCTION", tmp_path / "production"),
        ("CXR_CACHE", tmp_path / ".cache"),
    ):
        monkeypatch.setenv(name, str(value))
    return tmp_path


def test_a_quiet_window_leaves_an_artifact_and_a_drifted_one_an_event_too_as_often_as_it_is_seen(place, project, shown):  # noqa: F811
    made.scored(200, 1)
    assert monitor.monitor.fn().name == shown["artifacts"][0][1] and not shown["events"]
    made.scored(200, 2, noise=1.5, day=1)
    for _ in range(2):
        monitor.monitor.fn()
    (event, resource, payload), again = shown["events"]
    assert event == "cxr.drift.detected" and resource["prefect.resource.id"].startswith("cxr.model.")
    assert payload["window"]["studies"] == 200 and any("noise" in reason for reason in payload["reasons"])
    assert again[2]["data_hash"] == payload["data_hash"] == payload["window"]["data_hash"]
    keys, words = {key for key, *_ in shown["artifacts"]}, shown["artifacts"][-1][2]
    assert keys == {"drift"} and "noise" in words and str(place) not in words


def test_a_log_that_cannot_be_compared_fails_the_run_with_its_reason(place, project, shown):  # noqa: F811
    made.scored(60, 1)
    part = next(Path("production/log").glob("day=*/*.parquet"))
    part.write_bytes(b"damaged")
    with pytest.raises(StageFailed, match="move it away"):
        monitor.monitor.fn()
    assert not shown["events"]


def test_the_counts_of_scoring_become_an_artifact(project, root, shown, monkeypatch):
    monkeypatch.chdir(project)
    scored_place.make(project, root)
    scored_place.files(project / "in", range(5))
    (project / "in" / "bad.png").write_bytes(b"no image")
    assert score.score.fn("in").name == "Scored"
    assert score.score.fn("in").name == "NothingNew"
    assert [words for _, words, _ in shown["artifacts"]] == [
        "6 files seen = 5 scored + 0 already scored + 1 quarantined",
        "6 files seen = 0 scored + 5 already scored + 1 quarantined",
    ]
    assert len(scoring_log.read(settings.from_environment().production / "log")) == 5
    with pytest.raises(StageFailed, match="no such folder"):
        score.score.fn("elsewhere")
