"""What the flow `retrain` says where nothing is trained, and where `make promote` and `make rollback` report."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows import promote
from flows.deployments import retrain, run_log
from flows.release import promotion
from flows.release.inbox import Waiting
from flows.release.retraining import Champion, Retraining
from flows.server import services
from flows.support import commands
from flows.support.settings import from_environment

Sent = list[tuple[str, Any]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What would go to a server: artifacts and events."""
    gone: Sent = []
    monkeypatch.setattr(run_log, "get_run_logger", lambda: logging.getLogger("a-run"))
    monkeypatch.setattr(retrain, "runtime", SimpleNamespace(flow_run=SimpleNamespace(run_count=1)))
    monkeypatch.setattr(retrain, "create_markdown_artifact", lambda text, key, description: gone.append((key, text)))
    monkeypatch.setattr(
        retrain, "emit_event", lambda event, resource, payload: gone.append((event, {**resource, **payload}))
    )
    return gone


def ended(monkeypatch: pytest.MonkeyPatch, new: int, why: str) -> Any:
    """The flow's end where the steps find so many new studies and train nothing for a reason."""
    found = Retraining("k", Champion(Path(), "c" * 64, "v0.0.1"), (Waiting(Path("b"), new, "d" * 64),), 200)
    monkeypatch.setattr(retrain.rounds, "run", lambda *given: (found, why))
    return retrain.retrain.fn({"reasons": ["noise differs"]})


def test_where_labels_are_lacking_an_alert_goes_out_as_event_and_artifact(sent, monkeypatch):
    state = ended(monkeypatch, 12, "12 new labelled studies wait, 200 are asked for")
    assert state.name == "NothingTrained" and "12 new labelled studies" in state.message
    (artifact, words), (event, content) = sent
    assert artifact == "retrain-alert" and "12 new labelled studies" in words and "noise differs" in words
    assert event == "cxr.retrain.needs-labels" and content == {
        "prefect.resource.id": f"cxr.model.{'c' * 16}",
        "studies": 12,
        "asked_for": 200,
        "model": "v0.0.1",
    }


def test_where_the_same_data_were_judged_already_nobody_is_alarmed(sent, monkeypatch):
    state = ended(monkeypatch, 300, "b: judged already against v0.0.1 and refused")
    assert state.name == "NothingTrained" and "judged already" in state.message and sent == []


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """Who is asked to roll back: the server's flow, or this process alone. The command's variables go with the test."""
    before = dict(os.environ)
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_API_URL", "")
    found: list[str] = []
    monkeypatch.setattr(promotion, "demand_recorded", lambda version, settings: None)
    monkeypatch.setattr(promote, "_reported", lambda version: found.append(os.environ["PREFECT_API_URL"]) or "done")
    monkeypatch.setattr(promote, "_in_process", lambda version, settings: found.append("in process") or "done")
    yield found
    os.environ.clear()
    os.environ.update(before)


def test_promote_and_rollback_report_to_the_server_that_make_up_started_here(asked, monkeypatch):
    monkeypatch.setattr(services, "running", lambda name, folder: 7)
    monkeypatch.setattr(services, "answers", lambda *given: True)
    monkeypatch.setenv("CXR_PORT", "4711")
    assert promote.main(["--rollback"]) == 0 and promote.main(["--version", "v0.0.2"]) == 0
    assert asked == ["http://127.0.0.1:4711/api"] * 2


def test_a_server_named_by_the_environment_counts_before_that_of_this_machine(asked, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://10.0.0.1:4200/api")
    monkeypatch.setattr(services, "answers", lambda api, *rest: api == "http://10.0.0.1:4200/api")
    assert promote.main(["--rollback"]) == 0 and asked == ["http://10.0.0.1:4200/api"]


def test_without_a_server_or_with_one_that_does_not_answer_it_is_done_all_the_same(asked, monkeypatch, capsys):
    assert promote.main(["--rollback"]) == 0 and capsys.readouterr().err == ""
    monkeypatch.setattr(services, "running", lambda name, folder: 7)
    monkeypatch.setattr(services, "answers", lambda *given: False)
    assert promote.main(["--rollback"]) == 0 and "nothing is reported" in capsys.readouterr().err
    assert asked == ["in process", "in process"]


def test_what_the_gate_or_the_tag_refuses_is_an_exit_status_and_a_line(asked, monkeypatch, capsys):
    for error, status in (
        (promotion.ChampionStays("v0.0.1 stays"), promote.KEPT),
        (commands.Refused("no release before"), 1),
    ):

        def refuse(*given: Any, error: Exception = error) -> str:
            raise error

        monkeypatch.setattr(promote, "_in_process", refuse)
        assert promote.main(["--rollback"]) == status and str(error) in capsys.readouterr().err
    assert from_environment().project
