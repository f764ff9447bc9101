"""A checkout together with this machine's settings: a workspace of a worker or of a command, or the project itself."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from flows.repo import dvc_repro, git
from flows.repo.remote import DvcCheckout
from flows.support import supervised
from flows.support.python_path import this_python_first
from flows.support.retry import retry
from flows.support.settings import Settings

logger = logging.getLogger(__name__)

_ALL_BRANCHES = "+refs/heads/*:refs/remotes/origin/*"


class StageFailed(Exception):
    """A stage's own command failed; the message names it and shows its last lines. Running it again won't help."""


class Workspace(DvcCheckout):
    """`folder` is a git checkout of the project, or becomes one by `open_commit`, `open_main` or `clone`."""

    def git(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        """Run git in the folder; its output without the last line break. HandOverFailed (Rejected, for a push)."""
        return git.git(self.folder, *arguments, environment=environment)

    def open_commit(self, commit: str) -> None:
        """Hold one commit of the git remote, without its history; waits for a remote that is gone."""
        self.remove()
        self.folder.mkdir(parents=True)
        self.git("init", "-q")
        self.git("remote", "add", "origin", self.settings.git)
        retry(lambda: self.git("fetch", "-q", "--depth", "1", "origin", commit), "git remote", self.settings)
        self.checkout("FETCH_HEAD")

    def open_main(self) -> str:
        """Hold the git remote's main, with all branches and tags; its commit."""
        self.clone()
        commit = git.resolve(self.folder, "main")
        self.checkout(commit)
        return commit

    def clone(self) -> None:
        """Clone the git remote, with all branches and tags, without files. HandOverFailed at once where it is gone."""
        git.clone(self.folder, self.settings.git)

    def checkout(self, commit: str) -> None:
        """Lay out a commit that was fetched, and set DVC to this machine's cache and remote."""
        self.git("checkout", "-q", "--detach", commit)
        self.configure()

    def fetch(self) -> None:
        """Fetch all branches and tags of the git remote. HandOverFailed at once where it is gone."""
        self.git("fetch", "-q", "--tags", "--force", "origin", _ALL_BRANCHES)

    def fetch_history(self) -> None:
        """Make up for what `open_commit` left out: the history, all branches and tags."""
        self.git("fetch", "-q", "--unshallow", "--tags", "origin", _ALL_BRANCHES)

    def fetch_main(self) -> str:
        """Commit of the git remote's main branch, fetched now."""
        self.fetch()
        return git.resolve(self.folder, "main")

    def commit(self, title: str, like: str) -> str:
        """Commit what is staged, with the date of another commit: the same content is then the same commit."""
        self.git("commit", "-q", "-m", title, environment=git.date_of(self.folder, like))
        return self.git("rev-parse", "HEAD")

    def section(self, name: str) -> dict[str, Any]:
        """A section of params.yaml."""
        found: dict[str, Any] = yaml.safe_load((self.folder / "params.yaml").read_text())[name]
        return found

    def reproduce(self, addresses: list[str]) -> None:
        """`dvc repro --single-item` of the last stage named, after uncached ones. StageFailed with its last lines."""
        command = dvc_repro.command("--single-item", *addresses)
        ended = supervised.run(command, self.folder, stage_environment(self.settings), logger.info)
        if ended.status != 0:
            last = "\n".join(f"  {line}" for line in ended.tail)
            raise StageFailed(f"stage {addresses[-1]} failed with exit status {ended.status}; its last lines:\n{last}")

    def remove(self) -> None:
        """Take the folder away, as far as it is there."""
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def temporary(name: str, settings: Settings) -> Iterator[Workspace]:
    """A workspace of this name below the machine's folder of workspaces, still empty; it is taken away in the end."""
    workspace = Workspace(settings.workspaces / name, settings)
    try:
        yield workspace
    finally:
        workspace.remove()


def stage_environment(settings: Settings) -> dict[str, str]:
    """What stages get beside the worker's own environment: this python first, this machine's cache folder."""
    return {"CXR_CACHE": str(settings.scratch), "PATH": this_python_first(), "DVC_NO_ANALYTICS": "1"}
