"""Puts a recorded version into production: main goes forward, gto's stage `prod`, then this machine's folder.

Each step finds out whether it was done already, so that the same call again goes on where one was killed. Who may be
promoted is the gate's to say.
"""
import json
import logging
import tempfile
from pathlib import Path

from cxr.runtime.hand_over import InProduction
from flows.release import add_batches
from flows.repo.git import HandOverFailed, git
from flows.repo.record import MODEL
from flows.support import commands
from flows.support.settings import Settings

logger = logging.getLogger(__name__)

PROD = "prod"
_PUSH_TRIES = 5


class MainMoved(Exception):
    """The git remote's main holds commits that the promoted one does not: the run must be made again on it."""


def promote(folder: Path, commit: str, version: str, settings: Settings) -> None:
    """Promote the recorded commit that the workspace is prepared at. MainMoved where main can't be fast-forwarded."""
    forward_main(folder, commit)
    assign(folder, version)
    install(folder, commit, version, settings)


def forward_main(folder: Path, commit: str) -> None:
    """Fast-forward the git remote's main to a commit; nothing where main holds it already."""
    main = add_batches.main_of(folder)
    if _is_in(folder, commit, main):
        return
    if not _is_in(folder, main, commit):
        raise MainMoved(f"main is at {main[:12]}, which {commit[:12]} does not hold: it is made again on the new main")
    try:
        git(folder, "push", "-q", "origin", f"{commit}:refs/heads/main")
    except HandOverFailed as error:
        if add_batches.main_of(folder) != main:
            raise MainMoved(str(error)) from error
        raise
    logger.info(f"main: {main[:12]} -> {commit[:12]}")


def assign(folder: Path, version: str) -> None:
    """Give a version gto's stage `prod`, tag pushed; nothing where it has it."""
    import gto.api

    for _ in range(_PUSH_TRIES):
        git(folder, "fetch", "-q", "--tags", "--force", "origin")
        if in_prod(folder) == version:
            return
        before = set(_stage_tags(folder))
        gto.api.assign(str(folder), MODEL, PROD, version=version, force=True, author="cxr-pipeline",
                       author_email="cxr-pipeline@localhost")
        tag = next(tag for tag in _stage_tags(folder) if tag not in before)
        try:
            git(folder, "push", "-q", "origin", f"refs/tags/{tag}")
        except HandOverFailed:  # somebody else took this number, or the remote is gone
            git(folder, "tag", "-d", tag)
            continue
        logger.info(f"gto: {MODEL} {version} is {PROD} ({tag})")
        return
    raise HandOverFailed(f"gto's stage {PROD} could not be pushed in {_PUSH_TRIES} tries; "
                         f"`make promote VERSION={version}` tries again")


def in_prod(folder: Path) -> str | None:
    """Version that has the stage now: the one at whose commit the newest stage tag points. None where there is none."""
    tags = _stage_tags(folder)
    if not tags:
        return None
    versions = git(folder, "tag", "--list", f"{MODEL}@v*", "--points-at", f"{tags[-1]}^{{commit}}").splitlines()
    return versions[0].partition("@")[2] if versions else None


def install(folder: Path, commit: str, version: str, settings: Settings) -> None:
    """Into this machine's production folder, with the latency reference that is measured here and now."""
    with tempfile.TemporaryDirectory() as place:
        known = _latency(folder, Path(place) / "latency.json", settings)
        _, said = commands.run(folder, settings, "serving.registry", "install", "--version", version, "--commit",
                               commit, *known)
    logger.info(said.strip())


def _latency(folder: Path, path: Path, settings: Settings) -> list[str]:
    """Arguments that name the measured reference; none, and words, where there is no image to measure on."""
    raw = Path("data") / "raw" / add_batches.section(folder, "ingest")["set"]
    places = [settings.production / "incoming", settings.production / "inbox", settings.production / "taken",
              folder / raw, settings.project / raw]
    try:
        found = commands.answer(settings.project, settings, "serving.score.latency", str(folder), *map(str, places))
    except commands.Refused as error:
        logger.info(f"no latency reference: {error}; the monitor compares latency once `make promote VERSION=...` "
                    f"finds images in {places[0]}")
        return []
    logger.info(f"latency here: p50 {found['p50_ms']} ms, p95 {found['p95_ms']} ms an image, on {found['images']} "
                "images")
    path.write_text(json.dumps(found))
    return ["--latency", str(path)]


def current(settings: Settings) -> InProduction | None:
    """What is in production here, and what was before it; None where nothing is."""
    if not (settings.production / "current").is_symlink():
        return None
    shown = commands.answer(settings.project, settings, "serving.registry", "show", "--json")
    return InProduction.model_validate(shown)


def _stage_tags(folder: Path) -> list[str]:
    """gto's tags of the stage, oldest first: model#prod#1, model#prod#2, ..."""
    numbers = (tag.rpartition("#")[2] for tag in git(folder, "tag", "--list", f"{MODEL}#{PROD}#*").splitlines())
    return [f"{MODEL}#{PROD}#{number}" for number in sorted(int(number) for number in numbers if number.isdigit())]


def _is_in(folder: Path, commit: str, other: str) -> bool:
    """Whether `other` holds `commit` in its history."""
    return git(folder, "merge-base", commit, other) == git(folder, "rev-parse", commit)
