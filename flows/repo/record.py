"""Records a pipeline run: objects in the DVC remote first, then dvc.lock on a branch of its own, then a gto version.

A commit made here carries its parent's date and no run's name, so the same result is the same commit, whoever made
it. A record's branch is named by what was made: of two that differ in measured times alone git takes one.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.repo import lockfile
from flows.repo.git import HandOverFailed, Rejected, git
from flows.repo.workspace import Workspace
from flows.support import overrides
from flows.support.retry import retry

MODEL = "model"  # the artifact's name in gto
_PUSH_TRIES = 5


@dataclass(frozen=True)
class Recorded:
    """Where a run's result stands: its commit, the branch that holds it, the gto version (`v0.0.3`)."""

    commit: str
    branch: str
    version: str


def commit_overrides(workspace: Workspace, parameters: dict[str, Any]) -> str:
    """Commit parameters set for this run, and push them on a branch of their own; the commit to run."""
    parent = workspace.git("rev-parse", "HEAD")
    changes = overrides.apply(workspace.folder / "params.yaml", parameters)
    if not changes:
        return parent
    workspace.git("add", "params.yaml")
    title = "Parameters of a run: " + ", ".join(change.removeprefix("params.yaml: ") for change in changes)
    commit = workspace.commit(title, parent)
    _push(workspace, f"HEAD:refs/heads/runs/{commit[:12]}")
    return commit


def earlier(workspace: Workspace, pinned: str) -> str | None:
    """Commit that already records a result of this very commit, on any branch of runs; None where there is none."""
    return next(_records(workspace, pinned), None)


def record(workspace: Workspace, pinned: str) -> Recorded | None:
    """Commit the workspace's lock files and push; None where they are as the pinned commit has them.

    HandOverFailed where the DVC remote misses an object that they name: nothing is pushed then.
    """
    changed = [name for name in lockfile.LOCKS if (workspace.folder / name).exists()]
    workspace.git("add", *changed)
    if not workspace.git("diff", "--cached", "--name-only"):
        return None
    workspace.confirm()
    made = lockfile.outputs_of(workspace.folder)
    branch, own, why = f"runs/{_name(pinned, made)}", None, ""
    for _ in range(_PUSH_TRIES):
        _fetch(workspace)
        commit = (
            _same_result(workspace, pinned, made)
            or own
            or (own := workspace.commit("Record what the pipeline made (dvc.lock)", pinned))
        )
        try:
            _push(workspace, f"{commit}:refs/heads/{branch}")
        except Rejected as error:  # another run recorded the same since the fetch
            why = str(error)
            continue
        return Recorded(commit, branch, _register(workspace, commit))
    raise HandOverFailed(f"the record could not be pushed to {branch} in {_PUSH_TRIES} tries: {why}")


def version_before(folder: Path, recorded: Recorded | None) -> str | None:
    """Newest gto tag of the model (`model@v0.0.2`) but for the one just recorded, None where there is none."""
    tags = git(folder, "tag", "--list", f"{MODEL}@v*", "--sort=-v:refname").splitlines()
    return next((tag for tag in tags if recorded is None or tag != f"{MODEL}@{recorded.version}"), None)


def _name(pinned: str, made: dict[str, str]) -> str:
    """Name of a result: the commit it was made from and what was made, but for measured times."""
    same = {path: md5 for path, md5 in made.items() if path not in lockfile.NOT_REPRODUCIBLE}
    return hashlib.sha256(json.dumps([pinned, same], sort_keys=True).encode()).hexdigest()[:12]


def _fetch(workspace: Workspace) -> None:
    """All branches and tags of the git remote, waiting for one that is gone."""
    retry(workspace.fetch, "git remote", workspace.settings)


def _push(workspace: Workspace, what: str) -> None:
    """Push, waiting for a remote that is gone. Rejected where it holds something else there."""
    retry(lambda: workspace.git("push", "-q", "origin", what), "git remote", workspace.settings)


def _records(workspace: Workspace, pinned: str) -> Iterator[str]:
    """Commits on branches of runs that add nothing but lock files to the pinned one."""
    for line in workspace.git("for-each-ref", "--format=%(objectname)", "refs/remotes/origin/runs").splitlines():
        parents = workspace.git("show", "-s", "--format=%P", line).split()
        if parents == [pinned] and not _others(workspace, pinned, line):
            yield line


def _others(workspace: Workspace, pinned: str, commit: str) -> list[str]:
    changed = workspace.git("diff", "--name-only", pinned, commit).splitlines()
    return [name for name in changed if name not in lockfile.LOCKS]


def _same_result(workspace: Workspace, pinned: str, made: dict[str, str]) -> str | None:
    """An earlier record of this commit with equal outputs (but for measured times): it stands for this one too."""
    return next(
        (
            found
            for found in _records(workspace, pinned)
            if not lockfile.differences(lockfile.committed(workspace.folder, found), made)
        ),
        None,
    )


def _register(workspace: Workspace, commit: str) -> str:
    """gto's next version for the commit, pushed; the one it has where it has one already."""
    import gto.api

    for _ in range(_PUSH_TRIES):
        if standing := workspace.git("tag", "--list", f"{MODEL}@v*", "--points-at", commit):
            return standing.splitlines()[0].partition("@")[2]
        gto.api.register(
            str(workspace.folder), MODEL, commit, author="cxr-pipeline", author_email="cxr-pipeline@localhost"
        )
        tag = workspace.git("tag", "--list", f"{MODEL}@v*", "--points-at", commit).splitlines()[0]
        try:
            _push(workspace, f"refs/tags/{tag}")
        except Rejected:  # somebody else's run took this number
            workspace.git("tag", "-d", tag)
            _fetch(workspace)
            continue
        return tag.partition("@")[2]
    raise HandOverFailed(
        f"no gto version could be pushed for {commit[:12]} in {_PUSH_TRIES} tries: `gto register "
        f"{MODEL} {commit[:12]}` and push the tag"
    )
