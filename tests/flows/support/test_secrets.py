"""No password reaches a stage, a message or a log: what flows hand to a stage, and what they show of it."""

import logging
import sys
from pathlib import Path

import pytest

from flows.deployments import run_summary
from flows.dispatch.execute import execute
from flows.repo.record import Recorded
from flows.repo.workspace import StageFailed, Workspace
from flows.server import environment
from flows.support import commands, secrets, supervised
from flows.support.settings import Settings, from_environment
from tests.fixtures.flows_project import an_order, git, make

SECRETS = {
    "CXR_AUTH": "admin:hunter-1",
    "PREFECT_API_AUTH_STRING": "admin:hunter-1",
    "PREFECT_SERVER_API_AUTH_STRING": "admin:hunter-1",
    "PREFECT_API_KEY": "hunter-2",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://prefect:hunter-3@db/prefect",
    "PREFECT_SERVER_DATABASE_PASSWORD": "hunter-4",
    "CXR_GIT": "https://me:hunter-5@host/x.git",
    "CXR_REMOTE": "ssh://me:hunter-6@host/store",
    "AWS_SECRET_ACCESS_KEY": "hunter-7",
    "MIRROR": "https://me:hunter-8@host/y",
    "CXR_PATIENT_SALT": "hunter-9",
}


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A miniature whose training shows its whole environment and fails, on a machine full of secrets."""
    project = make(tmp_path, ["check", "ingest", "train"])
    project.set(train={"epochs": 3, "fail": "showing its environment", "seconds": 0.0})
    project.commit("a talkative stage")
    for key, value in project.environment(tmp_path / "machine").items():
        monkeypatch.setenv(key, value)
    found = from_environment()
    for key, value in SECRETS.items():
        monkeypatch.setenv(key, value)
    return found


def test_a_stage_that_shows_its_environment_and_fails_shows_no_secret(settings: Settings, said) -> None:
    commit, entries = git(settings.project, "rev-parse", "HEAD"), {}
    for stage in ("data/raw/dvc.yaml:phantom", "ingest"):
        entries[stage] = execute(an_order(stage, commit, dict(entries)), settings)
    with pytest.raises(StageFailed, match="stage train failed") as failed:
        execute(an_order("train", commit, entries), settings)
    lines = "\n".join(said.lines)
    assert "MIRROR https://***@host/y" in lines and "AWS_SECRET_ACCESS_KEY ***" in lines, "it did show it"
    assert "row 17" in str(failed.value)
    assert "hunter" not in lines and "hunter" not in str(failed.value)
    for name in SECRETS:
        assert (f"{name} " in lines) is (name in ("MIRROR", "AWS_SECRET_ACCESS_KEY", "CXR_PATIENT_SALT")), name


def test_what_a_stages_command_is_asked_says_no_secret(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "talkative.py").write_text("import os, sys; sys.exit(str(dict(os.environ)))\n")
    with pytest.raises(commands.Refused) as refused:
        commands.run(Workspace(tmp_path, settings), "talkative")
    assert "MIRROR" in str(refused.value) and "hunter" not in str(refused.value)


def test_the_words_of_a_summary_that_failed_show_no_secret(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, said
) -> None:
    def broken(*_: object) -> None:
        raise OSError("no route to ssh://me:hunter-6@host/store")

    monkeypatch.setattr(run_summary, "_pull_shown", broken)
    run_summary.publish(Workspace(settings.project, settings), Recorded("c", "b", "v"), None)
    assert said.lines == ["the summary could not be made whole: no route to ssh://***@host/store"]


def test_whatever_flows_log_is_masked(settings: Settings, said) -> None:
    logging.getLogger("flows.repo.record").warning("%s says %s", SECRETS["CXR_GIT"], "hunter-1")
    assert said.lines == ["https://***@host/x.git says ***"]


def test_a_progress_bar_over_an_address_is_masked(settings: Settings, tmp_path: Path) -> None:
    seen: list[str] = []
    command = "print('https://me:hunter-5@host/x: 10%|# |')"
    ended = supervised.run([sys.executable, "-c", command], tmp_path, {}, seen.append)
    assert seen == ended.tail == ["https://***@host/x: 10%|# |"]


def test_workers_get_no_password_but_their_own_and_no_database(settings: Settings, tmp_path: Path) -> None:
    server = environment.variables(settings, tmp_path)
    worker = environment.for_workers(server)
    assert server["PREFECT_SERVER_API_AUTH_STRING"] == worker["PREFECT_API_AUTH_STRING"] == "admin:hunter-1"
    assert "CXR_AUTH" not in server and "PREFECT_SERVER_API_AUTH_STRING" not in worker
    assert "hunter-3" not in str(worker) and "hunter-4" not in str(worker)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fetch https://me:word@host/x failed", "fetch https://***@host/x failed"),
        ("https://me:p@ss@host/x", "https://***@host/x"),
        ('{"a":"https://host","b":"me@host"}', '{"a":"https://host","b":"me@host"}'),
        ("write to me@host, see https://host/x", "write to me@host, see https://host/x"),
    ],
)
def test_addresses_lose_their_credentials_and_nothing_else_changes(text: str, shown: str) -> None:
    assert secrets.without_credentials(text) == shown
