"""git, as far as flows need it: commits pinned and records made, with errors that name the command and hide secrets."""

import math
import os
import shutil
import subprocess
from pathlib import Path

from flows.repo import lockfile
from flows.support.secrets import without_credentials

_IDENTITY = ("-c", "user.name=cxr-pipeline", "-c", "user.email=cxr-pipeline@localhost")


class HandOverFailed(Exception):
    """A commit or an object could not be had or given away; the message says which and what to do."""

    patience = math.inf  # seconds for which asking again may help


class Rejected(HandOverFailed):
    """The git remote answered and took no push: it holds something else under that name."""

    patience = 0.0


class NotPinned(Exception):
    """This checkout can't be pinned to a pushed commit; the message says why and what to do."""


def git(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """Run git; its output without the last line break. HandOverFailed (Rejected, for a push) with its last lines."""
    ended = subprocess.run(
        ["git", *_IDENTITY, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", **(environment or {})},
    )
    if ended.returncode:
        last = [line for line in ended.stderr.splitlines() if line.strip()][-3:]
        kind = Rejected if arguments[0] == "push" and ended.returncode == 1 else HandOverFailed
        raise kind(without_credentials(f"`git {' '.join(arguments)}` failed: {' | '.join(last)}"))
    return ended.stdout.strip()


def pinned(project: Path, address: str) -> str:
    """The commit of a clean checkout that the git remote holds too. NotPinned where it is dirty or not pushed.

    A dvc.lock that differs from the committed one in measured times alone (after `make repro`) is as good as clean.
    """
    changed = git(project, "status", "--porcelain").splitlines()
    if not lockfile.differences(lockfile.committed(project), lockfile.outputs_of(project)):
        changed = [line for line in changed if line.split(maxsplit=1)[-1] not in lockfile.LOCKS]
    if changed:
        raise NotPinned(
            "\n".join(
                [f"{project} has changes that no commit holds:", *changed, "commit them (or `git stash -u`) first"]
            )
        )
    commit = git(project, "rev-parse", "HEAD")
    git(project, "fetch", "-q", address, "+refs/heads/*:refs/cxr/*")
    if not git(project, "for-each-ref", "--contains", commit, "refs/cxr"):
        raise NotPinned(f"commit {commit[:12]} is not pushed to {without_credentials(address)}: `git push` first")
    return commit


def clone(folder: Path, address: str) -> None:
    """A full clone, with all branches and tags, without files; what stands there is taken away first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    git(folder.parent, "clone", "-q", "--no-checkout", address, str(folder))


def resolve(folder: Path, revision: str) -> str:
    """Commit of a branch of the remote, a tag or a commit. HandOverFailed where there is none."""
    for name in (f"refs/remotes/origin/{revision}", revision):
        try:
            return git(folder, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        except HandOverFailed:
            continue
    raise HandOverFailed(f"the git remote has no branch, tag or commit `{revision}`")


def date_of(folder: Path, commit: str) -> dict[str, str]:
    """Environment that gives a new commit the date of another: the same content is then the same commit."""
    date = git(folder, "show", "-s", "--format=%cI", commit)
    return {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
