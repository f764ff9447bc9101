"""Records a pipeline run: objects in the DVC remote first, then dvc.lock on a branch of its own, then a gto version.

A commit made here carries its parent's date and no run's name, so the same result is the same commit, whoever made
it: recorded twice is recorded once.
"""
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows import lockfile, overrides
from flows.repository import HandOverFailed, date_of, git

MODEL = "model"  # the artifact's name in gto
_PUSH_TRIES = 5


@dataclass(frozen=True)
class Recorded:
    """Where a run's result stands: its commit, the branch that holds it, the gto version (`v0.0.3`)."""

    commit: str
    branch: str
    version: str


def commit_overrides(folder: Path, parameters: dict[str, Any]) -> str:
    """Commit parameters set for this run, and push them on a branch of their own; the commit to run."""
    parent = git(folder, "rev-parse", "HEAD")
    changes = overrides.apply(folder / "params.yaml", parameters)
    if not changes:
        return parent
    git(folder, "add", "params.yaml")
    title = "Parameters of a run: " + ", ".join(change.removeprefix("params.yaml: ") for change in changes)
    git(folder, "commit", "-q", "-m", title, environment=date_of(folder, parent))
    commit = git(folder, "rev-parse", "HEAD")
    git(folder, "push", "-q", "origin", f"HEAD:refs/heads/{_branch(commit)}")
    return commit


def earlier(folder: Path, pinned: str) -> str | None:
    """Commit that already records the result of this very commit, on any branch of runs; None where there is none."""
    for line in git(folder, "for-each-ref", "--format=%(objectname)", "refs/remotes/origin/runs").splitlines():
        parents = git(folder, "show", "-s", "--format=%P", line).split()
        if parents == [pinned] and not _others(folder, pinned, line):
            return line
    return None


def record(folder: Path, pinned: str) -> Recorded | None:
    """Commit the workspace's lock files and push; None where they are as the pinned commit has them.

    HandOverFailed where the DVC remote misses an object that they name: nothing is pushed then.
    """
    changed = [name for name in lockfile.LOCKS if (folder / name).exists()]
    git(folder, "add", *changed)
    if not git(folder, "diff", "--cached", "--name-only"):
        return None
    _confirm_objects(folder)
    git(folder, "fetch", "-q", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
    commit = _same_result(folder, pinned)
    if commit is None:
        git(folder, "commit", "-q", "-m", "Record what the pipeline made (dvc.lock)",
            environment=date_of(folder, pinned))
        commit = git(folder, "rev-parse", "HEAD")
    branch = _branch(commit)
    git(folder, "push", "-q", "origin", f"{commit}:refs/heads/{branch}")
    return Recorded(commit, branch, _register(folder, commit))


def version_before(folder: Path, recorded: Recorded | None) -> str | None:
    """Newest gto tag of the model (`model@v0.0.2`) but for the one just recorded, None where there is none."""
    tags = git(folder, "tag", "--list", f"{MODEL}@v*", "--sort=-v:refname").splitlines()
    return next((tag for tag in tags if recorded is None or tag != f"{MODEL}@{recorded.version}"), None)


def _branch(commit: str) -> str:
    return f"runs/{commit[:12]}"


def _others(folder: Path, pinned: str, commit: str) -> list[str]:
    changed = git(folder, "diff", "--name-only", pinned, commit).splitlines()
    return [name for name in changed if name not in lockfile.LOCKS]


def _same_result(folder: Path, pinned: str) -> str | None:
    """An earlier record of this commit with equal outputs (but for measured times): it stands for this one too."""
    found = earlier(folder, pinned)
    made = lockfile.outputs_of(folder)
    return found if found and not lockfile.differences(lockfile.committed(folder, found), made) else None


def _confirm_objects(folder: Path) -> None:
    from dvc.repo import Repo

    with Repo(str(folder)) as repo:
        absent = [name for name, status in repo.status(cloud=True).items() if status in ("missing", "new")]
    if absent:
        raise HandOverFailed(f"the DVC remote misses {len(absent)} objects of this run (the first: {absent[0]}): "
                             "nothing is recorded; `dvc push` where they were made, or run the pipeline again")


def _register(folder: Path, commit: str) -> str:
    """gto's next version for the commit, pushed; the one it has where it has one already."""
    import gto.api

    for _ in range(_PUSH_TRIES):
        if standing := git(folder, "tag", "--list", f"{MODEL}@v*", "--points-at", commit):
            return standing.splitlines()[0].partition("@")[2]
        gto.api.register(str(folder), MODEL, commit, author="cxr-pipeline", author_email="cxr-pipeline@localhost")
        tag = git(folder, "tag", "--list", f"{MODEL}@v*", "--points-at", commit).splitlines()[0]
        try:
            git(folder, "push", "-q", "origin", f"refs/tags/{tag}")
        except HandOverFailed:  # somebody else's run took this number
            git(folder, "tag", "-d", tag)
            git(folder, "fetch", "-q", "--tags", "--force", "origin")
            continue
        return tag.partition("@")[2]
    raise HandOverFailed(f"no gto version could be pushed for {commit[:12]} in {_PUSH_TRIES} tries: `gto register "
                         f"{MODEL} {commit[:12]}` and push the tag")
