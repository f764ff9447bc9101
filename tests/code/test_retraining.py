"""Retraining, promotion and rollback on a miniature project: git, DVC and gto are real, the stages' answers are played.

What the gate asks is in tests/model/test_gate.py; triggers on a real server: tests/end_to_end/test_retrain_trigger.py.
"""
import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import asking, gate, inbox, joining, promote, promotion, retrain, retraining
from flows.inbox import Waiting
from flows.retraining import Case, Champion
from flows.settings import Settings, from_environment
from tests.flows_project import Project, git, make

SAID: list[str] = []


class Stages:
    """Plays the stages' commands: what is in production, what waits, what comes in."""

    def __init__(self, settings: Settings) -> None:
        self.production = settings.production
        self.releases: list[dict[str, Any]] = []
        self.put("v0.0.1")

    def put(self, version: str) -> None:
        folder = self.production / "releases" / version / "model"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "card.json").write_text(json.dumps({"made": version}))
        self.releases.append({"folder": str(folder), "identity": version * 8, "version": version})
        link = self.production / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(folder.parent)

    def run(self, folder: Path, settings: Settings, module: str, *arguments: str, accept: tuple[int, ...] = (0,)
            ) -> tuple[int, str]:
        given = dict(itertools.pairwise(arguments))
        if module == "stages.batches" and arguments[0] == "look":
            table = (Path(given["--from"]) / "labels.csv").read_bytes()
            return 0, json.dumps({"new": table.count(b"\n"), "digest": hashlib.sha256(table).hexdigest()})
        if module == "stages.batches":
            self._add(folder, Path(given["--from"]))
            return 0, "batch-002: added"
        if module == "stages.score.latency":
            raise asking.Refused("no image anywhere")
        assert module == "stages.production"
        if arguments[0] == "install":
            self.put(given["--version"])
        if arguments[0] == "rollback" and len(self.releases) < 2:
            raise asking.Refused("production: no release before the one in use to go back to")
        if arguments == ("rollback", "--to-be"):
            return 0, json.dumps(self.releases[-2])
        if arguments[0] == "rollback":
            self.releases.pop()
        return 0, json.dumps({"current": self.releases[-1]})

    @staticmethod
    def _add(folder: Path, source: Path) -> None:
        raw = folder / "data" / "raw" / "demo"
        shutil.copytree(source, raw / f"batch-{len(list(raw.iterdir())) + 1:03d}")
        subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "data/raw/demo"], cwd=folder, check=True)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A set `demo` with one batch, two stages; nothing was run."""
    made = make(tmp_path, ["check", "ingest", "train"])
    top = made.checkout
    graph = yaml.safe_load((top / "dvc.yaml").read_text())
    graph["stages"]["ingest"] = json.loads(json.dumps(graph["stages"]["ingest"]).replace("raw/phantom", "raw/demo"))
    graph["stages"]["train"]["deps"].append("${train.initial}")
    (top / "dvc.yaml").write_text(yaml.safe_dump(graph, sort_keys=False))
    (top / "models").mkdir()
    (top / "models" / "scratch.json").write_text("{}\n")
    (top / "metrics").mkdir(exist_ok=True)
    (top / "metrics" / "compress.json").write_text('{"chosen": {"name": "base"}}\n')
    ignored = (top / ".gitignore").read_text()
    (top / ".gitignore").write_text(ignored + "/data/raw/demo\n/models/initial\n")
    made.set(train={"epochs": 3, "initial": "models/scratch.json"}, ingest={"set": "demo"},
             retrain={"min_new_studies": 3, "warm_start": True, "cooldown_seconds": 60})
    (top / "data/raw/demo/batch-001").mkdir(parents=True)
    (top / "data/raw/demo/batch-001/labels.csv").write_text("a\nb\n")
    subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "data/raw/demo"], cwd=top, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "push", "-q", "-r", "shared"], cwd=_with_remote(made), check=True)
    git(top, "add", "-f", "data/raw/demo.dvc", "models/scratch.json", "metrics/compress.json")
    made.commit("a set")
    return made


def _with_remote(project: Project) -> Path:
    (project.checkout / ".dvc/config.local").write_text(f"['remote \"shared\"']\n    url = {project.store}\n")
    return project.checkout


@pytest.fixture
def here(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """This machine's settings."""
    for key, value in {**project.environment(tmp_path / "machine"), "CXR_PRODUCTION": str(tmp_path / "production"),
                       "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}.items():
        monkeypatch.setenv(key, value)
    SAID.clear()
    return from_environment()


@pytest.fixture
def stages(here: Settings, monkeypatch: pytest.MonkeyPatch) -> Stages:
    """The played stages, v0.0.1 in production."""
    played = Stages(here)
    monkeypatch.setattr(asking, "run", played.run)
    return played


def arrive(here: Settings, name: str, studies: int) -> Path:
    folder = here.production / inbox.INBOX / name
    folder.mkdir(parents=True)
    (folder / "labels.csv").write_text("".join(f"{name} {at}\n" for at in range(studies)))
    return folder


class Judged(retrain.Plain):
    """The steps of `make retrain ARGS=--here`, the gate's verdict played."""

    promote, asked = True, 0

    @classmethod
    def judge(cls, folder: Path, commit: str, version: str, here: Settings, say: Any) -> gate.Verdict:
        cls.asked += 1
        out = here.production / "gates" / f"{version}-{cls.asked}"
        out.mkdir(parents=True)
        return gate.Verdict(cls.promote, [] if cls.promote else ["worse on the old"], out)


def champion_is_recorded(project: Project) -> str:
    """Main's commit, which is v0.0.1 from now on."""
    git(project.git, "-c", "user.name=c", "-c", "user.email=c@localhost", "tag", "-m", "v", "model@v0.0.1", "main")
    return git(project.git, "rev-parse", "main")


def steps(promotes: bool) -> type[Judged]:
    return type("Steps", (Judged,), {"promote": promotes, "asked": 0})


def test_what_waits_is_trained_on_and_promoted_and_the_same_data_make_one_run(project, here, stages) -> None:
    arrive(here, "from-b", 4)
    main, judged = champion_is_recorded(project), steps(True)

    case, why = retrain.rounds(here, judged, SAID.append)

    assert (why, case.reached["outcome"], case.reached["version"]) == ("", "promoted", "v0.0.2")
    assert git(project.git, "rev-parse", "main") == case.reached["commit"] != main, "main went forward"
    assert git(project.git, "tag", "--list", "model#prod#*") == "model#prod#1"
    assert git(project.git, "rev-parse", "model#prod#1^{commit}") == case.reached["commit"]
    params = yaml.safe_load(git(project.git, "show", "main:params.yaml"))
    assert params["train"]["initial"] == "models/initial", "warm start: from the champion"
    assert "models/initial" in git(project.git, "show", "main:dvc.lock")
    assert not list((here.production / "inbox").iterdir()) and (here.production / "taken" / "from-b").is_dir()
    assert not list(here.workspaces.glob("retrain-*"))

    (here.production / "taken" / "from-b").rename(here.production / "inbox" / "from-b")  # a kill before the move
    _, why = retrain.rounds(here, judged, SAID.append)
    assert "0 new labelled studies wait" in why and judged.asked == 1
    assert any("was taken in before" in line for line in SAID)


def test_what_the_gate_refuses_changes_neither_main_nor_production_and_is_not_judged_twice(project, here, stages
        ) -> None:
    settings_of = yaml.safe_load((project.checkout / "params.yaml").read_text())
    project.set(retrain={**settings_of["retrain"], "warm_start": False})
    project.commit("from scratch")
    main = champion_is_recorded(project)
    arrive(here, "shuffled", 3)
    judged = steps(False)

    case, _ = retrain.rounds(here, judged, SAID.append)

    assert case.reached["outcome"] == "refused" and case.reached["reasons"] == ["worse on the old"]
    assert git(project.git, "rev-parse", "main") == main and git(project.git, "tag", "--list", "*#prod#*") == ""
    assert [release["version"] for release in stages.releases] == ["v0.0.1"]
    params = yaml.safe_load(git(project.git, "show", f"{case.reached['joined']}:params.yaml"))
    assert params["train"]["initial"] == "models/scratch.json", "from scratch, by parameter"

    (here.production / "refused" / "shuffled").rename(here.production / "inbox" / "shuffled")
    _, why = retrain.rounds(here, judged, SAID.append)
    assert "judged already against v0.0.1 and refused" in why and judged.asked == 1


def test_too_few_new_labelled_studies_are_said_and_nothing_is_done(project, here, stages) -> None:
    arrive(here, "few", 2)
    _, why = retrain.rounds(here, steps(True), SAID.append)
    assert "2 new labelled studies wait, 3 are asked for (retrain.min_new_studies): nothing is trained" in why
    assert git(project.git, "branch", "--list").split() == ["*", "main"], "nothing was pushed"
    assert (here.production / "inbox" / "few").is_dir()


def test_half_copied_folders_do_not_count(project, here, stages) -> None:
    for name in (".copying", "copying.part"):
        arrive(here, name, 9)
    assert inbox.waiting(project.checkout, here) == []


def test_a_key_names_the_champion_and_the_data_and_neither_their_names_nor_their_order() -> None:
    one, two = (Waiting(Path(name), 1, name * 64) for name in "ab")
    again = Waiting(Path("under another name"), 1, "a" * 64)
    assert inbox.key_of("champion", [one, two]) == inbox.key_of("champion", [two, again])
    assert len({inbox.key_of("champion", [one]), inbox.key_of("champion", [two]), inbox.key_of("other", [one])}) == 3


def test_a_main_that_moved_on_is_retrained_on_and_not_for_ever(here, stages, monkeypatch) -> None:
    turns: list[int] = []

    def moved(folder: Path, settings: Settings, steps: Any, say: Any) -> tuple[Case, str]:
        turns.append(1)
        if len(turns) < limit:
            raise promotion.MainMoved("main is elsewhere")
        return Case("k", Champion(Path(), "i", "v"), (), 1), ""

    monkeypatch.setattr(retrain, "_round", moved)
    limit = 3
    retrain.rounds(here, Judged, SAID.append)
    assert len(turns) == 3
    turns.clear()
    limit = 9
    with pytest.raises(promotion.MainMoved):
        retrain.rounds(here, Judged, SAID.append)


def test_without_a_model_in_production_it_says_how_to_put_one_there(here, stages) -> None:
    (here.production / "current").unlink()
    with pytest.raises(retraining.NothingToBeat, match="make promote VERSION"):
        retraining.look(here.workspaces / "w", here, SAID.append)


@pytest.fixture
def recorded(project, here, stages) -> list[str]:
    """Two recorded versions on a line: v0.0.1, v0.0.2; main is at the first."""
    commits = [git(project.checkout, "rev-parse", "HEAD")]
    git(project.checkout, "commit", "-q", "--allow-empty", "-m", "a better one")
    commits.append(git(project.checkout, "rev-parse", "HEAD"))
    for number, commit in enumerate(commits, 1):
        git(project.checkout, "tag", "-m", "v", f"model@v0.0.{number}", commit)
    git(project.checkout, "push", "-q", "origin", "--tags", "HEAD:refs/heads/runs/two")
    return commits


def test_promotion_moves_main_and_the_stage_prod_and_the_same_again_changes_nothing(project, here, stages, recorded,
                                                                                    tmp_path) -> None:
    folder = tmp_path / "w"
    joining.open_main(folder, here)
    for _ in range(2):
        promotion.forward_main(folder, recorded[1], SAID.append)
        promotion.assign(folder, "v0.0.2", SAID.append)
    assert git(project.git, "rev-parse", "main") == recorded[1]
    assert git(project.git, "tag", "--list", "model#prod#*") == "model#prod#1"
    assert promotion.in_prod(folder) == "v0.0.2"
    stages.put("v0.0.2")

    assert promote.rollback(here, SAID.append) == "v0.0.1 is in production again"
    git(folder, "fetch", "-q", "--tags", "origin")
    assert promotion.in_prod(folder) == "v0.0.1" and stages.releases[-1]["version"] == "v0.0.1"
    assert git(project.git, "rev-parse", "main") == recorded[1], "history stays; what serves is the stage's to say"
    with pytest.raises(asking.Refused, match="no release before"):
        promote.rollback(here, SAID.append)


def test_a_main_that_the_challenger_does_not_hold_is_never_overwritten(project, here, stages, recorded, tmp_path
        ) -> None:
    other = tmp_path / "colleague"
    git(tmp_path, "clone", "-q", str(project.git), str(other))
    git(other, "-c", "user.name=c", "-c", "user.email=c@localhost", "commit", "-q", "--allow-empty", "-m", "theirs")
    git(other, "push", "-q", "origin", "HEAD:main")
    joining.open_main(tmp_path / "w", here)
    with pytest.raises(promotion.MainMoved, match="made again on the new main"):
        promotion.promote(tmp_path / "w", recorded[1], "v0.0.2", here, SAID.append)
    assert git(project.git, "tag", "--list", "*#prod#*") == "" and len(stages.releases) == 1


def test_rollback_serves_the_old_model_also_where_git_is_gone_and_says_what_is_left_to_do(project, here, stages
        ) -> None:
    stages.put("v0.0.2")
    project.git.rename(project.git.with_name("gone"))
    with pytest.raises(promote.TagBehind, match=r"back at v0.0.1.*make promote VERSION=v0.0.1"):
        promote.rollback(here, SAID.append)
    assert stages.releases[-1]["version"] == "v0.0.1"


def test_drift_starts_one_retraining_at_a_time_after_a_cooldown(root: Path) -> None:
    deployments = {d["name"]: d for d in yaml.safe_load((root / "prefect.yaml").read_text())["deployments"]}
    made = deployments["retrain"]
    assert made["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    (trigger,) = made["triggers"]
    assert trigger["expect"] == ["cxr.drift.detected"] and trigger["threshold"] == 1
    assert trigger["within"] == "PT{{ $CXR_RETRAIN_COOLDOWN }}S" and made["schedules"]
