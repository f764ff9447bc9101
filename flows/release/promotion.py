"""Puts a recorded version into production, and back: main goes forward, gto's stage `prod`, then this machine's folder.

Each step finds out whether it was done already, so that the same call again goes on where one was killed. Who may be
promoted is the gate's to say.
"""

import json
import logging
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from cxr.runtime.hand_over import InProduction
from flows.release import gate, stage_tags
from flows.repo.git import HandOverFailed, git
from flows.repo.record import MODEL
from flows.repo.workspace import Workspace, temporary
from flows.support import commands
from flows.support.retry import retry
from flows.support.settings import Settings

logger = logging.getLogger(__name__)


class ChampionStays(Exception):
    """The gate kept the champion; the message says why."""


class MainMoved(Exception):
    """The git remote's main holds commits that the promoted one does not: the run must be made again on it."""


class TagBehind(Exception):
    """Production was rolled back, but gto's stage could not follow; the message says what to do."""


def promote(version: str, settings: Settings, show: Callable[[gate.Verdict], None] | None = None) -> str:
    """Promote a version by hand; what was done, as a sentence. ChampionStays, Refused, HandOverFailed, MainMoved.

    The version and commit that are in production already go through no gate: main, stage and folder are put right.
    `show` is given the gate's verdict.
    """
    demand_recorded(version, settings)
    with temporary(f"promote-{os.getpid()}", settings) as workspace:
        workspace.open_main()
        commit = _commit_of(workspace, version)
        gate.prepare(workspace, commit)
        in_use = current(settings)
        if in_use and (in_use.current.version, in_use.current.commit) != (version, commit):
            verdict = gate.judge(workspace, commit, version)
            if show:
                show(verdict)
            if not verdict.promote:
                raise ChampionStays(f"{in_use.current.version} stays: " + "; ".join(verdict.reasons))
        put_in_production(workspace, commit, version)
    return f"{version} is in production" + ("" if in_use else " (the first: there was nothing to compare it with)")


def rollback(settings: Settings) -> str:
    """Back to the release before: this machine's production first, then gto's stage. Refused where there is none;
    TagBehind where production is back but the stage is not."""
    project = _project(settings)
    before = commands.answer(project, "serving.registry", "rollback", "--to-be")
    _, output = commands.run(project, "serving.registry", "rollback")
    logger.info(output.strip())
    try:
        with temporary(f"rollback-{os.getpid()}", settings) as workspace:
            workspace.open_main()
            stage_tags.assign(workspace, before["version"])
    except Exception as error:  # whatever it is, production is back already: say so, and what is left to do
        raise TagBehind(
            f"production is back at {before['version']}, but gto's stage could not follow: {error}; "
            f"later: make promote VERSION={before['version']}"
        ) from error
    return f"{before['version']} is in production again"


def put_in_production(workspace: Workspace, commit: str, version: str) -> None:
    """Promote the recorded commit that the workspace is prepared at. MainMoved where main can't be fast-forwarded."""
    forward_main(workspace, commit)
    stage_tags.assign(workspace, version)
    install(workspace, commit, version)


def forward_main(workspace: Workspace, commit: str) -> None:
    """Fast-forward the git remote's main to a commit; nothing where main holds it already."""
    main = workspace.fetch_main()
    if _is_in(workspace, commit, main):
        return
    if not _is_in(workspace, main, commit):
        raise MainMoved(f"main is at {main[:12]}, which {commit[:12]} does not hold: it is made again on the new main")
    try:
        workspace.git("push", "-q", "origin", f"{commit}:refs/heads/main")
    except HandOverFailed as error:
        if workspace.fetch_main() != main:
            raise MainMoved(str(error)) from error
        raise
    logger.info(f"main: {main[:12]} -> {commit[:12]}")


def install(workspace: Workspace, commit: str, version: str) -> None:
    """Into this machine's production folder, with the latency reference that is measured here and now."""
    with tempfile.TemporaryDirectory() as place:
        known = _latency(workspace, Path(place) / "latency.json")
        _, output = commands.run(
            workspace, "serving.registry", "install", "--version", version, "--commit", commit, *known
        )
    logger.info(output.strip())


def _latency(workspace: Workspace, path: Path) -> list[str]:
    """Arguments that name the measured reference; none, and a line in the log, where there is no image."""
    folder, settings = workspace.folder, workspace.settings
    raw = Path("data") / "raw" / workspace.section("ingest")["set"]
    places = [
        settings.production / "incoming",
        settings.production / "inbox",
        settings.production / "taken",
        folder / raw,
        settings.project / raw,
    ]
    try:
        found = commands.answer(_project(settings), "serving.score.latency", str(folder), *map(str, places))
    except commands.Refused as error:
        logger.info(
            f"no latency reference: {error}; the monitor compares latency once `make promote VERSION=...` "
            f"finds images in {places[0]}"
        )
        return []
    logger.info(
        f"latency here: p50 {found['p50_ms']} ms, p95 {found['p95_ms']} ms an image, on {found['images']} images"
    )
    path.write_text(json.dumps(found))
    return ["--latency", str(path)]


def current(settings: Settings) -> InProduction | None:
    """What is in production here, and what was before it; None where nothing is."""
    if not (settings.production / "current").is_symlink():
        return None
    return InProduction.model_validate(commands.answer(_project(settings), "serving.registry", "show", "--json"))


def _project(settings: Settings) -> Workspace:
    """The checkout whose flows run here."""
    return Workspace(settings.project, settings)


def _is_in(workspace: Workspace, commit: str, other: str) -> bool:
    """Whether `other` holds `commit` in its history."""
    return workspace.git("merge-base", commit, other) == workspace.git("rev-parse", commit)


def demand_recorded(version: str, settings: Settings) -> None:
    """HandOverFailed where no run recorded this version; the message has the newest that are known."""
    if _nothing_recorded(settings):
        raise HandOverFailed(
            f"no version {version} is recorded: nothing was run on workers here yet (`make up`, then `make run`)"
        )
    asked = ("ls-remote", "--refs", "--sort=-v:refname", settings.git, f"refs/tags/{MODEL}@v*")
    tags = retry(lambda: git(settings.project, *asked), "git remote", settings).splitlines()
    known = [tag.rpartition("@")[2] for tag in tags]
    if version not in known:
        raise HandOverFailed(
            f"no version {version} is recorded; known: {', '.join(known[:8]) or 'none (make run records one)'}"
        )


def _nothing_recorded(settings: Settings) -> bool:
    """Whether the git remote is to be this project's own, and is not there yet."""
    own = settings.home / "git"
    return settings.git == str(own) and not own.exists()


def _commit_of(workspace: Workspace, version: str) -> str:
    return workspace.git("rev-parse", "--verify", "--quiet", f"refs/tags/{MODEL}@{version}^{{commit}}")
