"""Flows on a miniature project (tests/fixtures/flows_project.py): what runs, is handed over, is recorded; faults."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cxr.runtime.dvc_lock import object_path
from flows.dispatch import scheduler
from flows.dispatch.execute import execute
from flows.dispatch.order import Order
from flows.repo import cache, lockfile, record, remote, status
from flows.repo import git as repo_git
from flows.repo.workspace import StageFailed, Workspace
from flows.support.settings import Settings, from_environment
from tests.fixtures.flows_project import Project, an_order, git, make

SHORT = ["check", "ingest", "train", "evaluate", "explain"]


class Here:
    """A pool of one: carries orders out in this process when polled; `lose` names stages lost at first."""

    def __init__(self, settings: Settings, lose: set[str] | None = None) -> None:
        self.settings, self.lose = settings, lose or set()
        self.given: list[Order] = []
        self.waiting: list[Order] = []
        self.side_by_side = 0
        self.kept: dict[str, list[lockfile.Entry]] = {}

    def submit(self, order: Order) -> None:
        self.given.append(order)
        self.waiting.append(order)

    def poll(self) -> list[scheduler.AttemptEnded]:
        self.side_by_side = max(self.side_by_side, len(self.waiting))
        order = self.waiting.pop(0)
        if order.attempt == 1 and order.stage in self.lose:
            return [scheduler.AttemptEnded(order, "lost", message="killed")]
        try:
            return [scheduler.AttemptEnded(order, "done", execute(order, self.settings))]
        except StageFailed as failed:
            return [scheduler.AttemptEnded(order, "failed", message=str(failed))]

    def latest(self, run: str, stage: str) -> int:
        return max((order.attempt for order in self.given if order.stage == stage), default=0)

    def known(self, stage: str) -> list[lockfile.Entry]:
        return self.kept.get(stage, [])

    def accepted(self, stage: str, entry: lockfile.Entry) -> None:
        self.kept.setdefault(stage, []).insert(0, entry)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch):
    def of(project: Project, machine: Path) -> Settings:
        for key, value in project.environment(machine).items():
            monkeypatch.setenv(key, value)
        monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        return from_environment()

    return of


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make(tmp_path, SHORT)


def dispatched(
    project: Project, settings: Settings, workers: Here, folder: Path, parameters: dict | None = None
) -> tuple[dict[str, lockfile.Entry], record.Recorded | None]:
    workspace = Workspace(folder, settings)
    commit = workspace.open_main()
    commit = record.commit_overrides(workspace, parameters) if parameters else commit
    entries = scheduler.run_stages(workspace, commit, "run", workers)
    return entries, record.record(workspace, commit)


def test_a_dispatched_run_is_recorded_so_that_anyone_can_pull_it_and_nothing_runs_again(
    project: Project, environment, tmp_path: Path
) -> None:
    settings = environment(project, tmp_path / "machine")
    workers = Here(settings, lose={"train"})

    _, recorded = dispatched(project, settings, workers, tmp_path / "first", {"train.epochs": 2})

    assert [(o.stage, o.attempt) for o in workers.given[:4]] == [
        ("data/raw/dvc.yaml:phantom", 1),
        ("ingest", 1),
        ("train", 1),
        ("train", 2),
    ]
    assert {o.stage for o in workers.given[4:]} == {"evaluate", "explain"} and workers.side_by_side == 2
    assert recorded is not None and recorded.version == "v0.0.1"
    train = next(o for o in workers.given if o.stage == "train")
    assert "evaluate" not in train.entries and "epochs: 2" in git(project.git, "show", f"{train.commit}:params.yaml")
    assert git(project.git, "rev-list", "--count", recorded.commit) == "3", "the miniature, the parameters, the record"

    other = tmp_path / "anyone"
    git(tmp_path, "clone", "-q", "-b", recorded.branch, str(project.git), str(other))
    Workspace(other, environment(project, tmp_path / "elsewhere")).configure()
    project.forget()
    for words in (["pull", "-q"], ["repro", "-q"]):
        subprocess.run([sys.executable, "-m", "dvc", *words], cwd=other, check=True)
    assert project.runs() == ["check"], "only the stage whose output is not cached"
    assert lockfile.outputs_of(other) == lockfile.committed(other)
    assert not git(other, "status", "--porcelain")

    again = Here(settings)
    again.kept = workers.kept
    _, twice = dispatched(project, settings, again, tmp_path / "second", {"train.epochs": 2})
    assert again.given == [], "what an earlier run made from the same inputs is taken over"
    assert twice == recorded, "recorded twice is recorded once"


def test_what_a_commit_records_and_the_remote_lacks_is_made_again(
    project: Project, environment, tmp_path: Path, said
) -> None:
    settings = environment(project, tmp_path / "machine")
    _, recorded = dispatched(project, settings, Here(settings), tmp_path / "first")
    assert recorded is not None
    git(project.git, "update-ref", "refs/heads/main", recorded.commit)
    made = lockfile.outputs_of(project.checkout) | lockfile.committed(project.git, recorded.commit)
    quiet = Here(settings)
    assert dispatched(project, settings, quiet, tmp_path / "second")[0] == {} and quiet.given == []

    object_path(project.store, made["models/base"]).unlink()
    partly = environment(project, tmp_path / "another")
    workers = Here(partly)
    dispatched(project, partly, workers, tmp_path / "third")
    assert [order.stage for order in workers.given] == ["train"], "the same bytes: nothing after it runs"
    assert any("does not hold what the commit records of train" in line for line in said.lines)
    assert object_path(project.store, made["models/base"]).exists()

    shutil.rmtree(project.store)
    project.store.mkdir()
    fresh = environment(project, tmp_path / "fresh")
    workers = Here(fresh)
    dispatched(project, fresh, workers, tmp_path / "fourth")
    assert [order.stage for order in workers.given][:3] == ["data/raw/dvc.yaml:phantom", "ingest", "train"]
    assert {order.stage for order in workers.given[3:]} == {"evaluate", "explain"}


def test_a_failing_stage_is_named_with_its_last_lines_and_the_next_run_starts_there(
    project: Project, environment, tmp_path: Path
) -> None:
    settings = environment(project, tmp_path / "machine")
    project.set(train={"epochs": 3, "fail": True, "seconds": 0.0})
    project.commit("a fault")
    workers = Here(settings)
    with pytest.raises(StageFailed, match=r"stage train failed with exit status \d+(.|\n)*Pneumonja"):
        dispatched(project, settings, workers, tmp_path / "first")
    assert "evaluate" not in project.runs() and git(project.git, "tag") == ""

    project.set(train={"epochs": 3, "fail": False, "seconds": 0.0})
    project.commit("mended")
    again = Here(settings)
    again.kept = workers.kept
    dispatched(project, settings, again, tmp_path / "second")
    assert again.given[0].stage == "train"


def test_a_damaged_object_in_the_local_cache_is_found_before_use_and_fetched_again(
    project: Project, environment, tmp_path: Path, said
) -> None:
    settings = environment(project, tmp_path / "machine")
    commit, entries = git(project.checkout, "rev-parse", "HEAD"), {}
    for stage in ("data/raw/dvc.yaml:phantom", "ingest"):
        entries[stage] = execute(an_order(stage, commit, dict(entries)), settings)
    victim = object_path(settings.cache, entries["ingest"]["outs"][0]["md5"])
    victim.chmod(0o644)
    victim.write_text("rot")
    victim.chmod(0o444)

    entry = execute(an_order("train", commit, entries), settings)

    assert not list(settings.workspaces.iterdir()), "workspaces are taken away"
    assert any("was damaged" in line for line in said.lines)
    assert victim.read_text() != "rot" and entry["outs"]


def test_an_object_damaged_in_the_remote_is_refused_by_name_without_a_long_wait(
    project: Project, environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = environment(project, tmp_path / "machine")
    monkeypatch.setattr(remote.Absent, "patience", 1.0)
    commit = git(project.checkout, "rev-parse", "HEAD")
    entries = {}
    for stage in ("data/raw/dvc.yaml:phantom", "ingest"):
        entries[stage] = execute(an_order(stage, commit, dict(entries)), settings)
    md5 = entries["ingest"]["outs"][0]["md5"]
    victim = object_path(project.store, md5)
    victim.chmod(0o644)
    victim.write_text("rot")
    elsewhere = environment(project, tmp_path / "elsewhere")
    with pytest.raises(repo_git.HandOverFailed, match=f"no sound object {md5}(.|\n)*dvc push"):
        execute(an_order("train", commit, entries), elsewhere)
    assert "train" not in project.runs()


def test_a_remote_that_is_gone_is_waited_for_until_it_is_back(
    project: Project, environment, tmp_path: Path, said
) -> None:
    settings = environment(project, tmp_path / "machine")
    project.store.write_text("not a folder: nothing can be pushed")

    def mend(line: str) -> None:
        if "trying again" in line:
            project.store.unlink(missing_ok=True)

    said.react = mend
    commit = git(project.checkout, "rev-parse", "HEAD")
    entry = execute(an_order("data/raw/dvc.yaml:phantom", commit, {}), settings)
    assert "DVC remote: " in next(line for line in said.lines if "trying again" in line)
    assert not cache.missing(project.store, [entry["outs"][0]["md5"]])


def test_the_local_pipeline_runs_only_what_is_stale_and_imports_no_prefect(
    project: Project, environment, tmp_path: Path
) -> None:
    environment(project, tmp_path / "machine")

    def pipeline(*arguments: str) -> "subprocess.CompletedProcess[str]":
        script = (
            "import sys; from flows.pipeline import main; status = main(sys.argv[1:]); "
            "print('prefect' in sys.modules); sys.exit(status)"
        )
        variables = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT")}
        return subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=project.checkout,
            text=True,
            capture_output=True,
            env={**variables, "PYTHONPATH": str(Path(__file__).parents[3])},
        )

    first = pipeline()
    assert first.returncode == 0, first.stderr
    assert "train: working" in first.stdout and "False" in first.stdout.splitlines()[-1]
    assert sorted(project.runs()) == ["check", "evaluate", "explain", "ingest", "phantom", "train"]
    project.forget()
    assert "nothing is stale" in pipeline().stdout and project.runs() == []
    assert pipeline("--set", "evaluate.seconds=0.01").returncode == 0
    assert project.runs() == ["check", "evaluate"]
    wrong = pipeline("--set", "train.epohs=2")
    assert wrong.returncode == 1 and "did you mean 'epochs'?" in wrong.stderr and "Traceback" not in wrong.stderr


def test_a_checkout_is_pinned_only_when_clean_and_pushed(project: Project) -> None:
    commit = git(project.checkout, "rev-parse", "HEAD")
    assert repo_git.pinned(project.checkout, str(project.git)) == commit
    (project.checkout / "params.yaml").write_text("{}\n")
    with pytest.raises(repo_git.NotPinned, match=r"params\.yaml(.|\n)*commit them"):
        repo_git.pinned(project.checkout, str(project.git))
    git(project.checkout, "commit", "-qam", "here only")
    with pytest.raises(repo_git.NotPinned, match="git push"):
        repo_git.pinned(project.checkout, str(project.git))


def test_measured_times_alone_make_no_checkout_dirty(project: Project) -> None:
    lock = project.checkout / "dvc.lock"

    def write(latency: str, base: str) -> None:
        outs = [{"path": path, "md5": md5} for path, md5 in (("metrics/latency.json", latency), ("models/base", base))]
        lock.write_text(yaml.safe_dump({"schema": "2.0", "stages": {"evaluate": {"outs": outs}}}))

    write("a", "x")
    git(project.checkout, "add", "dvc.lock")
    commit = project.commit("recorded")
    write("b", "x")
    assert repo_git.pinned(project.checkout, str(project.git)) == commit
    write("b", "y")
    with pytest.raises(repo_git.NotPinned, match=r"dvc\.lock(.|\n)*commit them"):
        repo_git.pinned(project.checkout, str(project.git))


def test_a_folder_that_the_lock_names_and_nobody_has_counts_as_changed(tmp_path: Path, monkeypatch) -> None:
    project = make(tmp_path, ["check", "ingest", "train", "report"])
    monkeypatch.setenv("RAN", str(project.ran))
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=project.checkout, check=True)
    steps = {step.address: step.stale for step in status.on_entries(project.checkout)}
    assert not steps["report"]
    for gone in (".dvc/cache", "models"):
        shutil.rmtree(project.checkout / gone)
    steps = {step.address: step.stale for step in status.on_entries(project.checkout)}
    assert "card.json changed" in steps["report"]


def test_an_entry_of_an_older_attempt_is_refused(tmp_path: Path, said) -> None:
    older, newer = an_order("train", "c", {}), an_order("train", "c", {}, 2)
    settings = from_environment()
    run = scheduler.PipelineRun(Workspace(tmp_path, settings), "c", "run", Here(settings), under_way={"train": newer})
    run.take(scheduler.AttemptEnded(older, "done", {"cmd": "x"}))
    assert run.entries == {} and run.under_way == {"train": newer} and "refused" in said.lines[0]
