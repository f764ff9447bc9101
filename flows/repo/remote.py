"""A checkout's traffic with the DVC remote: objects are checked, a remote that is gone is waited for."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cxr.runtime.dvc_lock import object_path
from flows.repo import cache, lockfile, status
from flows.repo.git import HandOverFailed
from flows.support.retry import retry
from flows.support.secrets import without_credentials
from flows.support.settings import Settings

logger = logging.getLogger(__name__)

_REMOTE = "DVC remote"
_AGAIN = (
    "push a sound copy from a machine that has one (`dvc push`), or make it again (`dvc repro --single-item "
    "--force STAGE` and `dvc push`)"
)


class Absent(HandOverFailed):
    """The remote answers but has no such object; waiting hardly helps."""

    patience = 15.0


@dataclass(frozen=True)
class DvcCheckout:
    """A folder whose DVC uses this machine's cache and remote. HandOverFailed where an object can't be had or given."""

    folder: Path
    settings: Settings

    def configure(self) -> None:
        """Write .dvc/config.local: this machine's cache, and the remote where a setting names one.

        DVC's index, which names files of private sets too, stays in the folder and goes with it: its own place is one
        that all users of a machine can read, and where the index of every workspace that ever was would lie.
        """
        self.settings.cache.mkdir(parents=True, exist_ok=True)
        lines = ["[core]", f"    site_cache_dir = {self.folder.resolve() / '.dvc/tmp/site'}"]
        if address := self.settings.remote:
            lines += ["    remote = shared", "['remote \"shared\"']", f"    url = {address}"]
        lines += ["[cache]", f"    dir = {self.settings.cache}"]
        (self.folder / ".dvc" / "config.local").write_text("\n".join([*lines, ""]))

    def pull(self, paths: list[str]) -> None:
        """Fetch the paths' objects, check every hash (a damaged one is fetched again once), lay the files out."""
        if not paths:
            return
        store = self.settings.cache
        for md5 in cache.remove_damaged(store, self._hashes(paths)):  # DVC would not fetch those again
            logger.info(f"{object_path(store, md5)} was damaged (its bytes are not its name); fetching it again")
        retry(lambda: self._fetch(paths), _REMOTE, self.settings)
        if damaged := cache.remove_damaged(store, self._hashes(paths)):
            raise HandOverFailed(
                f"the DVC remote holds no sound object {damaged[0]} (for {', '.join(paths)}; the "
                f"bytes there are not its name): delete it there and {_AGAIN}"
            )
        with self._dvc() as repo:
            repo.checkout(targets=[str(self.folder / path) for path in paths], force=True)

    def push(self, address: str) -> None:
        """Push a stage's outputs."""
        file, _, name = address.rpartition(":")
        self._push(f"{self.folder / (file or 'dvc.yaml')}:{name}")

    def push_file(self, name: str) -> None:
        """Push what a .dvc file names."""
        self._push(str(self.folder / name))

    def confirm(self) -> None:
        """Ask the DVC remote for every object that the lock files name. HandOverFailed where it lacks one."""
        retry(self._confirm, _REMOTE, self.settings)

    def forget_absent(self) -> None:
        """Take entries whose outputs the DVC remote lacks out of the lock files: those stages are to be made again.

        A commit may record what was never pushed to this remote (a fresh clone).
        """
        made = {step.address: self._made(step.address) for step in status.on_entries(self.folder) if not step.uncached}
        absent = retry(lambda: self._absent(made), _REMOTE, self.settings) if any(made.values()) else []
        for address in absent:
            lockfile.restore(self.folder, address, None)
        if absent:
            logger.info(f"the DVC remote does not hold what the commit records of {', '.join(absent)}: made again")

    def tracked(self) -> dict[str, str]:
        """Path to hash of all that lock entries and .dvc files name."""
        found = lockfile.outputs_of(self.folder)
        for path in sorted(path for place in ("data/raw", "models") for path in (self.folder / place).glob("*.dvc")):
            for out in yaml.safe_load(path.read_text()).get("outs", []):
                found[(path.parent.relative_to(self.folder) / out["path"]).as_posix()] = out["md5"]
        return found

    def _hashes(self, paths: list[str]) -> list[str]:
        """Hashes named for paths; a path inside an output counts as that output."""
        return [
            md5
            for out, md5 in self.tracked().items()
            if any(path == out or path.startswith(out + "/") for path in paths)
        ]

    def _fetch(self, paths: list[str]) -> None:
        with self._dvc() as repo:
            repo.fetch(targets=[str(self.folder / path) for path in paths])
        if absent := cache.missing(self.settings.cache, self._hashes(paths)):
            self._confirm_remote()
            raise Absent(
                f"the DVC remote holds no sound object {absent[0]} ({len(absent)} missing or damaged for "
                f"{', '.join(paths)}): {_AGAIN}"
            )

    def _push(self, target: str) -> None:
        def attempt() -> None:
            """Push the target's objects with DVC, once."""
            with self._dvc() as repo:
                repo.push(targets=[target])

        retry(attempt, _REMOTE, self.settings)

    def _confirm(self) -> None:
        """Compare the lock files with the remote, once; Absent where it lacks an object."""
        with self._dvc() as repo:
            absent = [name for name, state in repo.status(cloud=True).items() if state in ("missing", "new")]
        if absent:
            self._confirm_remote()
            raise Absent(
                f"the DVC remote misses {len(absent)} objects of this run (the first: {absent[0]}): nothing "
                "is recorded; `dvc push` where they were made, or run the pipeline again"
            )

    def _absent(self, made: dict[str, set[str]]) -> list[str]:
        """Addresses of the stages whose outputs the remote lacks, asked once."""
        with self._dvc() as repo:
            self._confirm_remote()
            held = set(repo.cloud.get_remote_odb().oids_exist({md5 for md5s in made.values() for md5 in md5s}))
        return [address for address, md5s in made.items() if md5s - held]

    def _made(self, address: str) -> set[str]:
        """Hashes of what a stage's entry says it made."""
        return {str(out["md5"]) for out in (lockfile.entry(self.folder, address) or {}).get("outs", [])}

    def _confirm_remote(self) -> None:
        """HandOverFailed where the remote is a folder that is gone: DVC calls its objects missing, too."""
        address = self.settings.remote
        if address and "://" not in address and not Path(address).is_dir():
            raise HandOverFailed(f"the folder {address} is not there")

    @contextmanager
    def _dvc(self) -> Iterator[Any]:
        """DVC's repository in this folder; what its remotes raise becomes HandOverFailed."""
        from dvc.repo import Repo

        try:
            with Repo(str(self.folder)) as repo:
                yield repo
        except HandOverFailed:
            raise
        except Exception as error:  # each kind of remote raises its own; all mean the same here
            reason = str(error).splitlines() or [type(error).__name__]
            raise HandOverFailed(without_credentials(reason[0])) from None  # its own words may hold an address
