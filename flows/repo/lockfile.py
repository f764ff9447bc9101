"""dvc.lock: stage names and the hashes of what they made. The hand-over between machines is made of its entries."""

from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from cxr.runtime import dvc_lock
from cxr.runtime.dvc_lock import Entry

LOCKS = (dvc_lock.NAME, f"data/raw/{dvc_lock.NAME}")
NOT_REPRODUCIBLE = ("metrics/latency.json", "reports/index.html")  # a measured time, and the page that shows it


def outputs_of(workspace: Path) -> dict[str, str]:
    """Output path to hash in the workspace's lock files."""
    found: dict[str, str] = {}
    for name in LOCKS:
        path = workspace / name
        if path.exists():
            found |= dvc_lock.outputs(path.read_text())
    return found


def committed(workspace: Path, revision: str = "HEAD") -> dict[str, str]:
    """Output path to hash in the lock files of a commit; empty where there is none."""
    found: dict[str, str] = {}
    for name in LOCKS:
        if (text := dvc_lock.committed_text(workspace, name, revision)) is not None:
            found |= dvc_lock.outputs(text)
    return found


def committed_params(workspace: Path, revision: str = "HEAD") -> str | None:
    """Text of params.yaml in a commit, None where there is none."""
    return dvc_lock.committed_text(workspace, "params.yaml", revision)


def differences(recorded: dict[str, str], made: dict[str, str]) -> list[str]:
    """Paths whose hashes differ or that stand on one side only, but for the two that hold measured times."""
    paths = sorted(recorded.keys() | made.keys())
    return [path for path in paths if path not in NOT_REPRODUCIBLE and recorded.get(path) != made.get(path)]


def place(address: str) -> tuple[PurePosixPath, str]:
    """Lock file and stage name of a stage's address, `train` or `data/raw/dvc.yaml:phantom`."""
    file, _, name = address.rpartition(":")
    return PurePosixPath(file or "dvc.yaml").with_name(dvc_lock.NAME), name


def entry(workspace: Path, address: str) -> Entry | None:
    """A stage's entry in the workspace's lock file, None where it has none."""
    file, name = place(address)
    found: Entry | None = _read(workspace / file).get("stages", {}).get(name)
    return found


def merge(workspace: Path, entries: dict[str, Entry]) -> None:
    """Write entries (address to entry) into the workspace's lock files, in DVC's own form."""
    from dvc.utils.serialize import dump_yaml

    locks: dict[PurePosixPath, dict[str, Any]] = {}
    for address, given in entries.items():
        file, name = place(address)
        lock = locks.setdefault(file, _read(workspace / file) or {"schema": "2.0", "stages": {}})
        lock["stages"][name] = given
    for file, lock in locks.items():
        dump_yaml(workspace / file, lock)


def restore(workspace: Path, address: str, standing: Entry | None) -> None:
    """Put an entry back as it was; None takes it out."""
    from dvc.utils.serialize import dump_yaml

    if standing is not None:
        return merge(workspace, {address: standing})
    file, name = place(address)
    lock = _read(workspace / file)
    if lock.get("stages", {}).pop(name, None) is not None:
        dump_yaml(workspace / file, lock)
    return None


def _read(path: Path) -> dict[str, Any]:
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}
