"""Who starts a run sees its stages' lines as they come, and at the end how it went and where it is."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from flows.server import follow

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def line(second: int, message: str) -> SimpleNamespace:
    return SimpleNamespace(timestamp=BEGIN + timedelta(seconds=second), message=message)


class Server:
    """A server that has one run of the pipeline and one of its stages; it ends when it was asked twice."""

    def __init__(self, ends_well: bool = True) -> None:
        self.asked, self.ends_well = 0, ends_well
        self.logs = {
            "run": [[line(5, "pinned 0123")], [line(9, "version v0.0.3"), line(10, "Finished in state X()")]],
            "stage": [[line(1, "epoch 1/3: loss 0.5")], [line(2, "epoch 2/3: loss 0.4")]],
        }

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def read_flow_run(self, run_id: str) -> Any:
        self.asked += 1
        state = SimpleNamespace(
            name="Completed" if self.ends_well else "Failed",
            message="why",
            is_final=lambda: self.asked > 1,
            is_completed=lambda: self.ends_well,
        )
        return SimpleNamespace(state=state)

    def read_flow_runs(self, flow_run_filter: Any) -> list[Any]:
        assert flow_run_filter.tags.all_ == ["pipeline-run:run"]
        return [SimpleNamespace(id="stage", name="train")]

    def read_logs(self, wanted: Any, limit: int, sort: Any) -> list[Any]:
        (run,) = (self.ids[str(given)] for given in wanted.flow_run_id.any_)
        return [entry for part in self.logs[run][: self.asked] for entry in part]


@pytest.fixture
def watch(monkeypatch):
    """Watch a run on a played server; the exit status."""

    def watch(server: Server) -> int:
        monkeypatch.setattr(follow, "_POLL_SECONDS", 0)
        monkeypatch.setattr(follow, "get_client", lambda sync_client: server)
        monkeypatch.setattr(follow, "LogFilterFlowRunId", lambda any_: any_)
        monkeypatch.setattr(
            follow,
            "LogFilter",
            lambda flow_run_id, timestamp: SimpleNamespace(flow_run_id=SimpleNamespace(any_=flow_run_id)),
        )
        server.ids = {"run": "run", "stage": "stage"}
        return follow._watch("run")

    return watch


def test_each_line_is_shown_once_a_stages_after_its_name_also_where_its_clock_is_behind(watch, capsys):
    assert watch(Server()) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[:4] == ["pinned 0123", "train | epoch 1/3: loss 0.5", "version v0.0.3", "train | epoch 2/3: loss 0.4"]
    assert shown[4] == "Completed" and shown[5].endswith("/runs/flow-run/run") and len(shown) == 6


def test_a_run_that_ended_otherwise_says_why(watch, capsys):
    assert watch(Server(ends_well=False)) == 1
    assert "Failed: why" in capsys.readouterr().out


def test_a_deployment_that_the_server_lacks_is_a_line(monkeypatch, capsys):
    def lacking(*given: Any, **named: Any) -> None:
        raise follow.ObjectNotFound(RuntimeError())

    monkeypatch.setattr(follow, "run_deployment", lacking)
    assert follow.follow("retrain/retrain", {}) == 1
    assert capsys.readouterr().err == ("the server has no deployment retrain/retrain: `make up` deploys what is here\n")
