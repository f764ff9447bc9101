"""gto's stage `prod`: which recorded version has it, as tags `model#prod#N` on the git remote. What serves on a machine
is its production folder's to say (`flows.release.promotion`)."""

import logging

from flows.repo.git import HandOverFailed
from flows.repo.record import MODEL
from flows.repo.workspace import Workspace

logger = logging.getLogger(__name__)

PROD = "prod"
_PUSH_TRIES = 5


def assign(workspace: Workspace, version: str) -> None:
    """Give a version gto's stage `prod`, tag pushed; nothing where it has it."""
    import gto.api

    for _ in range(_PUSH_TRIES):
        workspace.git("fetch", "-q", "--tags", "--force", "origin")
        if in_prod(workspace) == version:
            return
        before = set(_stage_tags(workspace))
        gto.api.assign(
            str(workspace.folder),
            MODEL,
            PROD,
            version=version,
            force=True,
            author="cxr-pipeline",
            author_email="cxr-pipeline@localhost",
        )
        tag = next(tag for tag in _stage_tags(workspace) if tag not in before)
        try:
            workspace.git("push", "-q", "origin", f"refs/tags/{tag}")
        except HandOverFailed:  # somebody else took this number, or the remote is gone
            workspace.git("tag", "-d", tag)
            continue
        logger.info(f"gto: {MODEL} {version} is {PROD} ({tag})")
        return
    raise HandOverFailed(
        f"gto's stage {PROD} could not be pushed in {_PUSH_TRIES} tries; `make promote VERSION={version}` tries again"
    )


def in_prod(workspace: Workspace) -> str | None:
    """Version that has the stage now: the one at whose commit the newest stage tag points. None where there is none."""
    tags = _stage_tags(workspace)
    if not tags:
        return None
    versions = workspace.git("tag", "--list", f"{MODEL}@v*", "--points-at", f"{tags[-1]}^{{commit}}").splitlines()
    return versions[0].partition("@")[2] if versions else None


def _stage_tags(workspace: Workspace) -> list[str]:
    """gto's tags of the stage, oldest first: model#prod#1, model#prod#2, ..."""
    numbers = (tag.rpartition("#")[2] for tag in workspace.git("tag", "--list", f"{MODEL}#{PROD}#*").splitlines())
    return [f"{MODEL}#{PROD}#{number}" for number in sorted(int(number) for number in numbers if number.isdigit())]
