"""Retraining, promotion and rollback on a miniature project: git, DVC and gto are real, the stages' answers are played.

What the gate asks is in tests/serving/gate/test_checks.py; triggers: tests/end_to_end/test_retrain_trigger.py.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import retrain
from flows.release import inbox, promotion, retraining, rounds, stage_tags
from flows.release.inbox import Waiting
from flows.release.retraining import Champion, Retraining
from flows.repo.workspace import Workspace
from flows.support import commands
from flows.support.settings import Settings
from tests.fixtures import flows_production as played
from tests.fixtures.flows_production import arrive
from tests.fixtures.flows_project import git


def served(settings: Settings) -> list[str]:
    """Versions as they went into production."""
    return [release["version"] for release in played.releases(settings.production)]


def test_what_waits_is_trained_on_and_promoted_and_the_same_data_make_one_run(project, settings, said) -> None:
    arrive(settings.production, "from-b", 4)
    main = played.record_main(project)

    ended, why = rounds.run(settings, rounds.InProcessSteps())

    assert (why, ended.reached["outcome"], ended.reached["version"]) == ("", "promoted", "v0.0.2")
    assert git(project.git, "rev-parse", "main") == ended.reached["commit"] != main, "main went forward"
    assert git(project.git, "tag", "--list", "model#prod#*") == "model#prod#1"
    assert git(project.git, "rev-parse", "model#prod#1^{commit}") == ended.reached["commit"]
    params = yaml.safe_load(git(project.git, "show", "main:params.yaml"))
    assert params["train"]["initial"] == "models/initial", "warm start: from the champion"
    assert "models/initial" in git(project.git, "show", "main:dvc.lock")
    assert not list((settings.production / "inbox").iterdir()) and (settings.production / "taken" / "from-b").is_dir()
    assert not list(settings.workspaces.glob("retrain-*"))

    # A kill before the move:
    (settings.production / "taken" / "from-b").rename(settings.production / "inbox" / "from-b")
    _, why = rounds.run(settings, rounds.InProcessSteps())
    assert "0 new labelled studies wait" in why and played.judged(settings.production) == 1
    assert any("was taken in before" in line for line in said.lines)


def test_what_the_gate_refuses_changes_neither_main_nor_production_and_is_not_judged_twice(project, settings) -> None:
    settings_of = yaml.safe_load((project.checkout / "params.yaml").read_text())
    project.set(retrain={**settings_of["retrain"], "warm_start": False})
    project.commit("from scratch")
    main = played.record_main(project)
    arrive(settings.production, "shuffled", 3)
    (settings.production / "verdict").write_text("worse on the old")

    ended, _ = rounds.run(settings, rounds.InProcessSteps())

    assert ended.reached["outcome"] == "refused" and ended.reached["reasons"] == ["worse on the old"]
    assert git(project.git, "rev-parse", "main") == main and git(project.git, "tag", "--list", "*#prod#*") == ""
    assert served(settings) == ["v0.0.1"]
    params = yaml.safe_load(git(project.git, "show", f"{ended.reached['joined']}:params.yaml"))
    assert params["train"]["initial"] == "models/scratch.json", "from scratch, by parameter"

    (settings.production / "refused" / "shuffled").rename(settings.production / "inbox" / "shuffled")
    _, why = rounds.run(settings, rounds.InProcessSteps())
    assert "judged already against v0.0.1 and refused" in why and played.judged(settings.production) == 1


class Killed(BaseException):
    """What a kill is played by: nothing catches it."""


class DyingSteps(rounds.InProcessSteps):
    """The steps, killed once right after the one named has done its work, before that is written down."""

    def __init__(self, after: str) -> None:
        real = getattr(rounds.InProcessSteps, after)

        def die(*given: Any) -> Any:
            real(*given)
            raise Killed(after)

        setattr(self, after, die)


@pytest.mark.parametrize(
    "after", ["join", pytest.param("pipeline", marks=pytest.mark.slow), pytest.param("judge", marks=pytest.mark.slow)]
)
def test_a_retraining_killed_anywhere_goes_on_and_makes_neither_branch_nor_version_twice(
    project, settings, after
) -> None:
    arrive(settings.production, "from-b", 4)
    played.record_main(project)
    with pytest.raises(Killed):
        rounds.run(settings, DyingSteps(after))
    assert served(settings) == ["v0.0.1"] and (settings.production / "inbox" / "from-b").is_dir()

    ended, why = rounds.run(settings, rounds.InProcessSteps())

    assert (why, ended.reached["outcome"], ended.reached["version"]) == ("", "promoted", "v0.0.2")
    assert git(project.git, "branch", "--list", "retrain/*").count("retrain/") == 1
    assert git(project.git, "tag", "--list", "model@*").split() == ["model@v0.0.1", "model@v0.0.2"]
    assert served(settings) == ["v0.0.1", "v0.0.2"] and not list((settings.production / "inbox").iterdir())


def test_killed_between_promotion_and_its_record_the_batches_are_taken_and_nothing_is_trained_again(
    project, settings, monkeypatch
) -> None:
    arrive(settings.production, "from-b", 4)
    played.record_main(project)
    real = retraining.remember

    def die(found: Retraining, settings: Settings, **more: Any) -> Retraining:
        if "outcome" in more:
            raise Killed
        return real(found, settings, **more)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(retraining, "remember", die)
        rounds.run(settings, rounds.InProcessSteps())
    assert served(settings) == ["v0.0.1", "v0.0.2"], "it was promoted"
    main, started = git(project.git, "rev-parse", "main"), project.runs()

    _, why = rounds.run(settings, rounds.InProcessSteps())

    assert "0 new labelled studies wait" in why and served(settings) == ["v0.0.1", "v0.0.2"]
    assert git(project.git, "rev-parse", "main") == main and project.runs() == started
    assert (settings.production / "taken" / "from-b").is_dir() and played.judged(settings.production) == 1


def test_one_command_does_it_all_here_without_a_server(project, settings, monkeypatch, capsys) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    arrive(settings.production, "from-b", 4)
    played.record_main(project)
    assert retrain.main(["--here"]) == 0
    assert "retrain: promoted" in capsys.readouterr().out and served(settings) == ["v0.0.1", "v0.0.2"]
    assert retrain.main(["--here"]) == 0 and "0 new labelled studies wait" in capsys.readouterr().out
    (settings.production / "current").unlink()
    assert retrain.main(["--here"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("retrain: ") and "cxr production install" in said and "Traceback" not in said


def test_too_few_new_labelled_studies_are_said_and_nothing_is_done(project, settings) -> None:
    arrive(settings.production, "few", 2)
    _, why = rounds.run(settings, rounds.InProcessSteps())
    assert "2 new labelled studies wait, 3 are asked for (retrain.min_new_studies): nothing is trained" in why
    assert git(project.git, "branch", "--list").split() == ["*", "main"], "nothing was pushed"
    assert (settings.production / "inbox" / "few").is_dir()


def test_half_copied_folders_and_those_of_file_servers_do_not_count(project, settings) -> None:
    for name in (".copying", "copying.part", "@eaDir"):
        arrive(settings.production, name, 9)
    assert inbox.waiting(Workspace(project.checkout, settings)) == []


def test_a_key_names_the_champion_and_the_data_and_neither_their_names_nor_their_order() -> None:
    one, two = (Waiting(Path(name), 1, name * 64) for name in "ab")
    again = Waiting(Path("under another name"), 1, "a" * 64)
    assert inbox.key_of("champion", [one, two]) == inbox.key_of("champion", [two, again])
    assert len({inbox.key_of("champion", [one]), inbox.key_of("champion", [two]), inbox.key_of("other", [one])}) == 3


def test_a_main_that_moved_on_is_retrained_on_and_not_for_ever(settings, monkeypatch) -> None:
    turns: list[int] = []

    def moved(workspace: Workspace, steps: Any) -> tuple[Retraining, str]:
        turns.append(1)
        if len(turns) < limit:
            raise promotion.MainMoved("main is elsewhere")
        return Retraining("k", Champion(Path(), "i", "v"), (), 1), ""

    monkeypatch.setattr(rounds, "_round", moved)
    limit = 3
    rounds.run(settings, rounds.InProcessSteps())
    assert len(turns) == 3
    turns.clear()
    limit = 9
    with pytest.raises(promotion.MainMoved):
        rounds.run(settings, rounds.InProcessSteps())


def test_without_a_model_in_production_it_says_how_to_put_one_there(settings) -> None:
    (settings.production / "current").unlink()
    with pytest.raises(retraining.NothingToBeat, match="cxr production install"):
        retraining.look(Workspace(settings.workspaces / "w", settings))


@pytest.fixture
def recorded(project, settings) -> list[str]:
    """Two recorded versions on a line: v0.0.1, v0.0.2; main is at the first."""
    commits = [git(project.checkout, "rev-parse", "HEAD")]
    git(project.checkout, "commit", "-q", "--allow-empty", "-m", "a better one")
    commits.append(git(project.checkout, "rev-parse", "HEAD"))
    for number, commit in enumerate(commits, 1):
        git(project.checkout, "tag", "-m", "v", f"model@v0.0.{number}", commit)
    git(project.checkout, "push", "-q", "origin", "--tags", "HEAD:refs/heads/runs/two")
    return commits


def test_promotion_moves_main_and_the_stage_prod_and_the_same_again_changes_nothing(
    project, settings, recorded, tmp_path
) -> None:
    workspace = Workspace(tmp_path / "w", settings)
    workspace.open_main()
    for _ in range(2):
        promotion.forward_main(workspace, recorded[1])
        stage_tags.assign(workspace, "v0.0.2")
    assert git(project.git, "rev-parse", "main") == recorded[1]
    assert git(project.git, "tag", "--list", "model#prod#*") == "model#prod#1"
    assert stage_tags.in_prod(workspace) == "v0.0.2"
    played.put(settings.production, "v0.0.2")

    assert promotion.rollback(settings) == "v0.0.1 is in production again"
    git(workspace.folder, "fetch", "-q", "--tags", "origin")
    assert stage_tags.in_prod(workspace) == "v0.0.1" and served(settings) == ["v0.0.1"]
    assert git(project.git, "rev-parse", "main") == recorded[1], "history stays; what serves is the stage's to say"
    with pytest.raises(commands.Refused, match="no release before"):
        promotion.rollback(settings)


def test_a_recorded_version_goes_through_the_gate_where_another_model_of_that_name_was_installed_by_hand(
    project, settings, recorded
) -> None:
    played.put(settings.production, "v0.0.2")  # of commit cccc..., which is not the recorded one
    (settings.production / "verdict").write_text("worse on the old")
    with pytest.raises(promotion.ChampionStays, match="worse on the old"):
        promotion.promote("v0.0.2", settings)
    assert played.judged(settings.production) == 1


def test_latency_is_measured_here_at_promotion_and_kept_with_the_release(
    project, settings, recorded, tmp_path, said
) -> None:
    answer = 'import json, sys; print(json.dumps({"p50_ms": 3.0, "p95_ms": 4.0, "images": 9, "asked": sys.argv[1:]}))'
    workspace = Workspace(tmp_path / "w", settings)
    workspace.open_main()
    (workspace.folder / "models" / "base").mkdir(parents=True)
    promotion.install(workspace, recorded[1], "v0.0.2")
    assert played.releases(settings.production)[-1]["latency"] is None, "the played command finds no image"
    assert any(line.startswith("no latency reference: no image anywhere") for line in said.lines)

    (settings.project / "serving" / "score" / "latency.py").write_text(answer)
    promotion.install(workspace, recorded[1], "v0.0.2")
    kept = played.releases(settings.production)[-1]["latency"]
    assert (kept["p50_ms"], kept["p95_ms"], kept["images"]) == (3.0, 4.0, 9)
    model, first, *others = kept["asked"]
    assert model == str(workspace.folder) and first == str(settings.production / "incoming")
    assert others[-1] == str(settings.project / "data" / "raw" / "demo"), (
        "what arrives counts before what was trained on"
    )
    assert any("p50 3.0 ms, p95 4.0 ms an image, on 9 images" in line for line in said.lines)


def test_a_main_that_the_challenger_does_not_hold_is_never_overwritten(project, settings, recorded, tmp_path) -> None:
    other = tmp_path / "colleague"
    git(tmp_path, "clone", "-q", str(project.git), str(other))
    git(other, "-c", "user.name=c", "-c", "user.email=c@localhost", "commit", "-q", "--allow-empty", "-m", "theirs")
    git(other, "push", "-q", "origin", "HEAD:main")
    workspace = Workspace(tmp_path / "w", settings)
    workspace.open_main()
    with pytest.raises(promotion.MainMoved, match="made again on the new main"):
        promotion.put_in_production(workspace, recorded[1], "v0.0.2")
    assert git(project.git, "tag", "--list", "*#prod#*") == "" and served(settings) == ["v0.0.1"]


def test_rollback_serves_the_old_model_also_where_git_is_gone_and_says_what_is_left_to_do(project, settings) -> None:
    played.put(settings.production, "v0.0.2")
    project.git.rename(project.git.with_name("gone"))
    with pytest.raises(promotion.TagBehind, match=r"back at v0.0.1.*make promote VERSION=v0.0.1"):
        promotion.rollback(settings)
    assert served(settings) == ["v0.0.1"]


def test_drift_starts_one_retraining_at_a_time_after_a_cooldown(root: Path) -> None:
    deployments = {d["name"]: d for d in yaml.safe_load((root / "prefect.yaml").read_text())["deployments"]}
    made = deployments["retrain"]
    assert made["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    (trigger,) = made["triggers"]
    assert trigger["expect"] == ["cxr.drift.detected"] and trigger["threshold"] == 1
    assert trigger["within"] == "PT3600S" and made["schedules"]
