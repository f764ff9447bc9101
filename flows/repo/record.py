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

from flows.repo import lockfile, workspace
from flows.repo.git import HandOverFailed, Rejected, date_of, git
from flows.support import overrides
from flows.support.retry import retry
from flows.support.settings import Settings

MODEL = "model"  # the artifact's name in gto
_PUSH_TRIES = 5


@dataclass(frozen=True)
class Recorded:
    """Where a run's result stands: its commit, the branch that holds it, the gto version (`v0.0.3`)."""

    commit: str
    branch: str
    version: str


def commit_overrides(folder: Path, parameters: dict[str, Any], settings: Settings) -> str:
    """Commit parameters set for this run, and push them on a branch of their own; the commit to run."""
    parent = git(folder, "rev-parse", "HEAD")
    changes = overrides.apply(folder / "params.yaml", parameters)
    if not changes:
        return parent
    git(folder, "add", "params.yaml")
    title = "Parameters of a run: " + ", ".join(change.removeprefix("params.yaml: ") for change in changes)
    git(folder, "commit", "-q", "-m", title, environment=date_of(folder, parent))
    commit = git(folder, "rev-parse", "HEAD")
    _push(folder, f"HEAD:refs/heads/runs/{commit[:12]}", settings)
    return commit


def earlier(folder: Path, pinned: str) -> str | None:
    """Commit that already records a result of this very commit, on any branch of runs; None where there is none."""
    return next(_records(folder, pinned), None)


def record(folder: Path, pinned: str, settings: Settings) -> Recorded | None:
    """Commit the workspace's lock files and push; None where they are as the pinned commit has them.

    HandOverFailed where the DVC remote misses an object that they name: nothing is pushed then.
    """
    changed = [name for name in lockfile.LOCKS if (folder / name).exists()]
    git(folder, "add", *changed)
    if not git(folder, "diff", "--cached", "--name-only"):
        return None
    workspace.confirm(folder, settings)
    made = lockfile.outputs_of(folder)
    branch, own, why = f"runs/{_name(pinned, made)}", None, ""
    for _ in range(_PUSH_TRIES):
        _fetch(folder, settings)
        commit = _same_result(folder, pinned, made) or own or (own := _commit(folder, pinned))
        try:
            _push(folder, f"{commit}:refs/heads/{branch}", settings)
        except Rejected as error:  # another run recorded the same since the fetch
            why = str(error)
            continue
        return Recorded(commit, branch, _register(folder, commit, settings))
    raise HandOverFailed(f"the record could not be pushed to {branch} in {_PUSH_TRIES} tries: {why}")


def version_before(folder: Path, recorded: Recorded | None) -> str | None:
    """Newest gto tag of the model (`model@v0.0.2`) but for the one just recorded, None where there is none."""
    tags = git(folder, "tag", "--list", f"{MODEL}@v*", "--sort=-v:refname").splitlines()
    return next((tag for tag in tags if recorded is None or tag != f"{MODEL}@{recorded.version}"), None)


def _name(pinned: str, made: dict[str, str]) -> str:
    """Name of a result: the commit it was made from and what was made, but for measured times."""
    same = {path: md5 for path, md5 in made.items() if path not in lockfile.NOT_REPRODUCIBLE}
    return hashlib.sha256(json.dumps([pinned, same], sort_keys=True).encode()).hexdigest()[:12]


def _commit(folder: Path, pinned: str) -> str:
    git(folder, "commit", "-q", "-m", "Record what the pipeline made (dvc.lock)", environment=date_of(folder, pinned))
    return git(folder, "rev-parse", "HEAD")


def _fetch(folder: Path, settings: Settings) -> None:
    """All branches and tags of the git remote, waiting for one that is gone."""
    retry(lambda: git(folder, "fetch", "-q", "--tags", "--force", "origin", "+refs/heads/*:refs/remotes/origin/*"),
              "git remote", settings)


def _push(folder: Path, what: str, settings: Settings) -> None:
    """Push, waiting for a remote that is gone. Rejected where it holds something else there."""
    retry(lambda: git(folder, "push", "-q", "origin", what), "git remote", settings)


def _records(folder: Path, pinned: str) -> Iterator[str]:
    """Commits on branches of runs that add nothing but lock files to the pinned one."""
    for line in git(folder, "for-each-ref", "--format=%(objectname)", "refs/remotes/origin/runs").splitlines():
        parents = git(folder, "show", "-s", "--format=%P", line).split()
        if parents == [pinned] and not _others(folder, pinned, line):
            yield line


def _others(folder: Path, pinned: str, commit: str) -> list[str]:
    changed = git(folder, "diff", "--name-only", pinned, commit).splitlines()
    return [name for name in changed if name not in lockfile.LOCKS]


def _same_result(folder: Path, pinned: str, made: dict[str, str]) -> str | None:
    """An earlier record of this commit with equal outputs (but for measured times): it stands for this one too."""
    return next((found for found in _records(folder, pinned)
                 if not lockfile.differences(lockfile.committed(folder, found), made)), None)


def _register(folder: Path, commit: str, settings: Settings) -> str:
    """gto's next version for the commit, pushed; the one it has where it has one already."""
    import gto.api

    for _ in range(_PUSH_TRIES):
        if standing := git(folder, "tag", "--list", f"{MODEL}@v*", "--points-at", commit):
            return standing.splitlines()[0].partition("@")[2]
        gto.api.register(str(folder), MODEL, commit, author="cxr-pipeline", author_email="cxr-pipeline@localhost")
        tag = git(folder, "tag", "--list", f"{MODEL}@v*", "--points-at", commit).splitlines()[0]
        try:
            _push(folder, f"refs/tags/{tag}", settings)
        except Rejected:  # somebody else's run took this number
            git(folder, "tag", "-d", tag)
            _fetch(folder, settings)
            continue
        return tag.partition("@")[2]
    raise HandOverFailed(f"no gto version could be pushed for {commit[:12]} in {_PUSH_TRIES} tries: `gto register "
                         f"{MODEL} {commit[:12]}` and push the tag")
