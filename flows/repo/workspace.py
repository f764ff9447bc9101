"""A stage's own workspace on a worker: clone of the pinned commit, dependencies pulled and checked, run, pushed."""
import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cxr.runtime.dvc_lock import object_path
from flows.repo import cache, lockfile, status
from flows.repo.git import HandOverFailed, git
from flows.support import supervised
from flows.support.python_path import this_python_first
from flows.support.retry import retry
from flows.support.secrets import without_credentials
from flows.support.settings import Settings

logger = logging.getLogger(__name__)

_AGAIN = ("push a sound copy from a machine that has one (`dvc push`), or make it again (`dvc repro --single-item "
          "--force STAGE` and `dvc push`)")


class StageFailed(Exception):
    """A stage's own command failed; the message names it and shows its last lines. Running it again won't help."""


class Absent(HandOverFailed):
    """The remote answers but has no such object; waiting hardly helps."""

    patience = 15.0


def checkout(folder: Path, commit: str, settings: Settings) -> None:
    """Make a workspace that holds one commit, its DVC set to this machine's cache and the remote."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    git(folder, "remote", "add", "origin", settings.git)
    retry(lambda: git(folder, "fetch", "-q", "--depth", "1", "origin", commit), "git remote", settings)
    git(folder, "checkout", "-q", "--detach", "FETCH_HEAD")
    configure(folder, settings)


def remove(folder: Path) -> None:
    """Take a workspace away, as far as it is there."""
    shutil.rmtree(folder, ignore_errors=True)


def configure(folder: Path, settings: Settings) -> None:
    """Write .dvc/config.local: this machine's cache, and the remote where a setting names one."""
    settings.cache.mkdir(parents=True, exist_ok=True)
    lines = ["[cache]", f"    dir = {settings.cache}"]
    if settings.remote:
        lines = ["[core]", "    remote = shared", "['remote \"shared\"']", f"    url = {settings.remote}", *lines]
    (folder / ".dvc" / "config.local").write_text("\n".join([*lines, ""]))


def pull(folder: Path, paths: list[str], settings: Settings) -> None:
    """Fetch the paths' objects, check every hash (a damaged one is fetched again once), lay the files out."""
    if not paths:
        return
    damaged = cache.remove_damaged(settings.cache, _hashes(folder, paths))  # DVC would not fetch those again
    for md5 in damaged:
        logger.info(f"{object_path(settings.cache, md5)} was damaged (its bytes are not its name); fetching it again")
    retry(lambda: _fetch(folder, paths, settings), "DVC remote", settings)
    if damaged := cache.remove_damaged(settings.cache, _hashes(folder, paths)):
        raise HandOverFailed(f"the DVC remote holds no sound object {damaged[0]} (for {', '.join(paths)}; the bytes "
                             f"there are not its name): delete it there and {_AGAIN}")
    with _dvc(folder) as repo:
        repo.checkout(targets=[str(folder / path) for path in paths], force=True)


def push(folder: Path, address: str, settings: Settings) -> None:
    """Push a stage's outputs, waiting for a remote that is gone."""
    _push(folder, _target(folder, address), settings)


def push_file(folder: Path, name: str, settings: Settings) -> None:
    """Push what a .dvc file names, waiting for a remote that is gone."""
    _push(folder, str(folder / name), settings)


def _push(folder: Path, target: str, settings: Settings) -> None:
    def attempt() -> None:
        """Push the target's objects with DVC, once."""
        with _dvc(folder) as repo:
            repo.push(targets=[target])

    retry(attempt, "DVC remote", settings)


def reproduce(folder: Path, addresses: list[str], settings: Settings) -> None:
    """`dvc repro --single-item` of the last stage named, after uncached ones. StageFailed with its last lines."""
    command = [sys.executable, "-m", "dvc", "repro", "--single-item", *addresses]
    ended = supervised.run(command, folder, stage_environment(settings), logger.info)
    if ended.status != 0:
        last = "\n".join(f"  {line}" for line in ended.tail)
        raise StageFailed(f"stage {addresses[-1]} failed with exit status {ended.status}; its last lines:\n{last}")


def stage_environment(settings: Settings) -> dict[str, str]:
    """What stages get beside the worker's own environment: this python first, this machine's cache folder."""
    return {"CXR_CACHE": str(settings.scratch), "PATH": this_python_first(), "DVC_NO_ANALYTICS": "1"}


def confirm(folder: Path, settings: Settings) -> None:
    """Ask the DVC remote for every object that the lock files name. HandOverFailed where it lacks one."""
    def attempt() -> None:
        """Compare the lock files with the remote, once; Absent where it lacks an object."""
        with _dvc(folder) as repo:
            absent = [name for name, status in repo.status(cloud=True).items() if status in ("missing", "new")]
        if absent:
            _confirm_remote(settings)
            raise Absent(f"the DVC remote misses {len(absent)} objects of this run (the first: {absent[0]}): nothing "
                         "is recorded; `dvc push` where they were made, or run the pipeline again")

    retry(attempt, "DVC remote", settings)


def forget_absent(folder: Path, settings: Settings) -> None:
    """Take entries whose outputs the DVC remote lacks out of the lock files: those stages are to be made again.

    A commit may record what was never pushed to this remote (a fresh clone). Waits for a remote that is gone.
    """
    made = {step.address: _made(folder, step.address) for step in status.on_entries(folder) if not step.uncached}

    def attempt() -> list[str]:
        """Addresses of the entries that it lacks."""
        with _dvc(folder) as repo:
            _confirm_remote(settings)
            held = set(repo.cloud.get_remote_odb().oids_exist({md5 for md5s in made.values() for md5 in md5s}))
        return [address for address, md5s in made.items() if md5s - held]

    absent = retry(attempt, "DVC remote", settings) if any(made.values()) else []
    for address in absent:
        lockfile.restore(folder, address, None)
    if absent:
        logger.info(f"the DVC remote does not hold what the commit records of {', '.join(absent)}: made again")


def _made(folder: Path, address: str) -> set[str]:
    """Hashes of what a stage's entry says it made."""
    return {str(out["md5"]) for out in (lockfile.entry(folder, address) or {}).get("outs", [])}


def tracked(folder: Path) -> dict[str, str]:
    """Path to hash of all that lock entries and .dvc files name."""
    import yaml

    found = lockfile.outputs_of(folder)
    for path in sorted([*(folder / "data" / "raw").glob("*.dvc"), *(folder / "models").glob("*.dvc")]):
        for out in yaml.safe_load(path.read_text()).get("outs", []):
            found[(path.parent.relative_to(folder) / out["path"]).as_posix()] = out["md5"]
    return found


def _hashes(folder: Path, paths: list[str]) -> list[str]:
    """Hashes named for paths; a path inside an output counts as that output."""
    return [md5 for out, md5 in tracked(folder).items()
            if any(path == out or path.startswith(out + "/") for path in paths)]


def _fetch(folder: Path, paths: list[str], settings: Settings) -> None:
    with _dvc(folder) as repo:
        repo.fetch(targets=[str(folder / path) for path in paths])
    if absent := cache.missing(settings.cache, _hashes(folder, paths)):
        _confirm_remote(settings)
        raise Absent(f"the DVC remote holds no sound object {absent[0]} ({len(absent)} missing or damaged for "
                     f"{', '.join(paths)}): {_AGAIN}")


def _confirm_remote(settings: Settings) -> None:
    """HandOverFailed where the remote is a folder that is gone: DVC calls its objects missing, too."""
    if settings.remote and "://" not in settings.remote and not Path(settings.remote).is_dir():
        raise HandOverFailed(f"the folder {settings.remote} is not there")


def _target(folder: Path, address: str) -> str:
    file, _, name = address.rpartition(":")
    return f"{folder / (file or 'dvc.yaml')}:{name}"


@contextmanager
def _dvc(folder: Path) -> Iterator[Any]:
    """DVC's repository in a workspace; what its remotes raise becomes HandOverFailed."""
    from dvc.repo import Repo

    try:
        with Repo(str(folder)) as repo:
            yield repo
    except HandOverFailed:
        raise
    except Exception as error:  # each kind of remote raises its own; all mean the same here
        reason = str(error).splitlines() or [type(error).__name__]
        raise HandOverFailed(without_credentials(reason[0])) from None  # its own words may hold an address
