"""What is recorded, once, and what is waited for: remotes and a server that go away and come back; attempts counted."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cxr.runtime.dvc_lock import object_path
from flows import submit, up
from flows.deployments import pipeline
from flows.dispatch import scheduler
from flows.dispatch.order import Order
from flows.dispatch.scheduler import AttemptEnded
from flows.repo import cache, lockfile, record, remote
from flows.repo import git as repo_git
from flows.repo.reproduce import PipelineFailed, run
from flows.repo.workspace import StageFailed, Workspace
from flows.server import client, environment
from flows.support.settings import Settings, from_environment
from tests.fixtures.flows_project import Project, an_order, git, make


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make(tmp_path, ["check", "ingest", "train", "report"])


@pytest.fixture
def settings(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for key, value in project.environment(tmp_path / "machine").items():
        monkeypatch.setenv(key, value)
    return from_environment()


def opened(project: Project, settings: Settings, folder: Path) -> tuple[Workspace, str]:
    """A workspace at main, and its commit."""
    workspace = Workspace(folder, settings)
    return workspace, workspace.open_main()


def made(project: Project, folder: Path, **outputs: str) -> None:
    """Enter stages as run, their outputs' bytes in the DVC remote."""
    paths = {"ingest": "data/manifest.parquet", "report": "reports/index.html"}
    for stage, text in outputs.items():
        md5 = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        place = object_path(project.store, md5)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        out = {"path": paths[stage], "hash": "md5", "md5": md5, "size": len(text)}
        lockfile.merge(folder, {stage: {"cmd": "x", "outs": [out]}})


def back_again(gone: Path, place: Path) -> Callable[[str], None]:
    """Brings back what is gone as soon as somebody waits for it."""

    def mend(line: str) -> None:
        if "trying again" in line and gone.exists():
            gone.rename(place)

    return mend


def test_two_records_of_one_result_at_the_same_moment_are_one(
    project: Project, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, commit = opened(project, settings, tmp_path / "first")
    second, _ = opened(project, settings, tmp_path / "second")
    made(project, first.folder, ingest="the same", report="4 ms")
    made(project, second.folder, ingest="the same", report="5 ms")
    fetch, other = record._fetch, []

    def and_then_the_other(workspace: Workspace) -> None:
        fetch(workspace)
        if workspace == second and not other:  # between its fetch and its push
            other.append(record.record(first, commit))

    monkeypatch.setattr(record, "_fetch", and_then_the_other)
    recorded = record.record(second, commit)
    assert recorded is not None and other == [recorded]
    assert git(project.git, "for-each-ref", "--format=%(objectname)", "refs/heads/runs") == recorded.commit
    assert git(project.git, "tag") == "model@v0.0.1"

    third, _ = opened(project, settings, tmp_path / "third")
    made(project, third.folder, ingest="another", report="5 ms")
    differs = record.record(third, commit)
    assert differs is not None and differs.version == "v0.0.2" and differs.branch != recorded.branch
    assert (
        git(project.git, "rev-parse", "model@v0.0.2^{commit}")
        == differs.commit
        == git(project.git, "rev-parse", differs.branch)
    )


def test_a_git_remote_that_is_gone_is_waited_for_by_clone_pin_and_record(
    project: Project, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said
) -> None:
    monkeypatch.setattr(client, "kept", lambda *_: [])
    monkeypatch.setattr(client, "keep", lambda *_: None)
    away, push = project.git.with_name("away"), repo_git.git
    said.react = back_again(away, project.git)

    def gone_before_a_push(folder: Path, *arguments: str, **more: Any) -> str:
        if arguments[0] == "push" and not any(
            line.startswith(f"git remote: `git push -q origin {arguments[-1]}`") for line in said.lines
        ):
            project.git.rename(away)
        return push(folder, *arguments, **more)

    monkeypatch.setattr(repo_git, "git", gone_before_a_push)
    project.git.rename(away)
    folder = tmp_path / "run"
    workspace = Workspace(folder, settings)
    commit = pipeline.pin(workspace, "main", {"train.epochs": 2}, "run")
    made(project, folder, ingest="x")
    recorded = record.record(workspace, commit)
    assert recorded is not None and recorded.version == "v0.0.1"
    assert [line.split("`")[1].split()[1] for line in said.lines] == ["clone", "push", "push", "push"]
    assert git(project.git, "rev-parse", "model@v0.0.1^{commit}") == recorded.commit


def test_a_push_that_is_refused_is_not_waited_for(project: Project, settings: Settings, tmp_path: Path, said) -> None:
    folder = tmp_path / "run"
    workspace, commit = opened(project, settings, folder)
    git(project.checkout, "commit", "-q", "--allow-empty", "-m", "further")
    git(project.checkout, "push", "-q", "origin", "HEAD:refs/heads/runs/x")
    made(project, folder, ingest="x")
    git(folder, "add", "dvc.lock")
    repo_git.git(folder, "commit", "-q", "-m", "other")
    with pytest.raises(repo_git.Rejected, match="git push"):
        record._push(workspace, "HEAD:refs/heads/runs/x")
    assert said.lines == [] and git(project.git, "rev-parse", "main") == commit


def test_a_dvc_remote_that_is_gone_when_the_record_asks_for_its_objects_is_waited_for(
    project: Project, settings: Settings, tmp_path: Path, said
) -> None:
    folder = tmp_path / "run"
    workspace, commit = opened(project, settings, folder)
    made(project, folder, ingest="x")
    away = project.store.with_name("away")
    project.store.rename(away)
    said.react = back_again(away, project.store)
    assert record.record(workspace, commit) is not None
    assert said.lines and all(line.startswith("DVC remote: the folder") for line in said.lines)


def test_a_record_whose_objects_the_remote_lacks_is_refused_without_a_long_wait(
    project: Project, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote.Absent, "patience", 1.0)
    folder = tmp_path / "run"
    workspace, commit = opened(project, settings, folder)
    made(project, folder, ingest="x")
    for path in project.store.rglob("*"):
        path.unlink() if path.is_file() else None
    with pytest.raises(repo_git.HandOverFailed, match=r"misses 1 objects(.|\n)*nothing is recorded"):
        record.record(workspace, commit)
    assert git(project.git, "for-each-ref", "refs/heads/runs", "refs/tags") == ""


def test_a_server_that_is_gone_is_asked_again_for_what_is_kept_there(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, said
) -> None:
    tries: list[str] = []

    class Away:
        def create(self) -> None:
            tries.append("keep")
            if len(tries) < 3:
                raise httpx.ConnectError("refused")

    monkeypatch.setattr(client, "_PAUSE", 0.01)
    monkeypatch.setattr(client, "Artifact", lambda **_: Away())
    client.keep({"a": 1}, settings, "key")
    assert tries == ["keep"] * 3 and said.lines == ["the Prefect server does not answer (ConnectError); asking again"]

    def read(action: Any) -> list[Any]:
        tries.append("kept")
        if len(tries) < 6:
            raise httpx.ReadTimeout("slow")
        return []

    monkeypatch.setattr(client, "_with_client", read)
    assert client.kept("key", settings) == [] and tries[3:] == ["kept"] * 3


class Predecessor:
    """A pool that finds what an earlier scheduler of the same run gave out."""

    def __init__(self, latest: int) -> None:
        self.attempts, self.given = latest, []

    def submit(self, order: Order) -> None:
        self.given.append(order)

    def poll(self) -> list[AttemptEnded]:
        return [AttemptEnded(self.given[-1], "failed", message="enough seen")]

    def latest(self, run: str, stage: str) -> int:
        return self.attempts

    def known(self, stage: str) -> list[lockfile.Entry]:
        return []

    def accepted(self, stage: str, entry: lockfile.Entry) -> None:
        raise AssertionError("accepted")


@pytest.mark.parametrize(("known", "begun"), [(0, 1), (1, 1), (3, 3)])
def test_a_run_taken_up_again_begins_at_the_latest_attempt_that_was_given_out(
    project: Project, settings: Settings, tmp_path: Path, known: int, begun: int
) -> None:
    folder, workers = tmp_path / "run", Predecessor(known)
    workspace, commit = opened(project, settings, folder)
    with pytest.raises(StageFailed, match="enough seen"):
        scheduler.run_stages(workspace, commit, "run", workers)
    assert [(order.stage, order.attempt) for order in workers.given] == [("data/raw/dvc.yaml:phantom", begun)]


def test_an_attempt_that_ends_while_a_later_one_is_under_way_is_refused_whoever_gave_that_out(
    settings: Settings, tmp_path: Path, said
) -> None:
    order, workers = an_order("train", "c", {}), Predecessor(2)
    run = scheduler.PipelineRun(Workspace(tmp_path, settings), "c", "run", workers, under_way={"train": order})
    run.take(AttemptEnded(order, "done", {"cmd": "x"}))
    assert run.entries == {} and [given.attempt for given in workers.given] == [2]
    assert run.under_way["train"].attempt == 2
    assert "attempt 2 is under way" in said.lines[0]


def test_a_checkout_without_a_git_remote_is_pushed_to_its_own_before_a_run(
    project: Project, settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CXR_GIT")
    git(project.checkout, "remote", "remove", "origin")
    asked: list[str] = []
    monkeypatch.setattr(
        environment, "run_deployment", lambda _, parameters, __: asked.append(parameters["revision"]) or 0
    )
    for turn in range(2):
        git(project.checkout, "commit", "-q", "--allow-empty", "-m", f"commit {turn}")
        assert submit.main([]) == 0, capsys.readouterr().err
    commit, own = git(project.checkout, "rev-parse", "HEAD"), Path(from_environment().git)
    assert asked[-1] == commit == git(own, "rev-parse", "main") and own.is_relative_to(settings.workspaces.parent)

    other = project.checkout.parent / "promoter"
    git(project.checkout, "clone", "-q", str(own), str(other))
    repo_git.git(other, "commit", "-q", "--allow-empty", "-m", "a promoted model")
    git(other, "push", "-q", "origin", "HEAD:main")
    git(project.checkout, "commit", "-q", "--allow-empty", "-m", "one more")
    assert submit.main([]) == 1 and f"git pull --rebase {own} main" in capsys.readouterr().err
    assert git(own, "log", "-1", "--format=%s", "main") == "a promoted model", "nothing is pushed over it"


def test_a_dvc_remote_of_the_projects_own_gets_what_this_checkout_has_made(
    project: Project, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXR_REMOTE")
    folder = settings.workspaces.parent / "store"
    up.push_objects(from_environment())
    assert folder.is_dir() and not [path for path in folder.rglob("*") if path.is_file()], "nothing is made yet"
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=project.checkout, check=True)
    objects_made = {str(md5) for path, md5 in lockfile.outputs_of(project.checkout).items() if path != "data/params.ok"}
    up.push_objects(from_environment())
    assert objects_made and all(object_path(folder, md5).exists() for md5 in objects_made)


def test_the_local_pipelines_failure_names_the_stage_and_its_last_lines_where_they_went_to_a_log(
    project: Project, settings: Settings, said
) -> None:
    project.set(ingest={"fail": True, "seconds": 0.0})
    with pytest.raises(PipelineFailed) as failed:
        run(project.checkout, {}, log_lines=True)
    assert any("ingest: working" in line for line in said.lines) and failed.value.status not in (0, 1)
    assert "stage ingest failed; its last lines:" in str(failed.value) and "row 17 of labels.csv" in str(failed.value)


def test_what_dvc_left_half_written_in_the_cache_is_removed_and_what_is_being_written_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_SETTLE_SECONDS", 0.0)
    folder = tmp_path / "files" / "md5" / "ab"
    folder.mkdir(parents=True)
    left, whole, writing = folder / ".left.tmp", folder / "cdef", folder / ".writing.tmp"
    left.write_text("half")
    whole.write_text("whole")
    with writing.open("w") as stream:
        stream.write("half")
        assert cache.remove_unfinished(tmp_path) == [left]
        assert sorted(folder.iterdir()) == sorted([whole, writing])
    assert cache.remove_unfinished(tmp_path) == [writing]
