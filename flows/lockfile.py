"""Reads dvc.lock: stage names and the hashes of what they made. The hand-over between machines is made of it."""
import subprocess
from pathlib import Path
from typing import Any

import yaml

LOCKS = ("dvc.lock", "data/raw/dvc.lock")
NOT_REPRODUCIBLE = ("metrics/latency.json", "reports/index.html")  # a measured time, and the page that shows it


def outputs(text: str, prefix: str = "") -> dict[str, str]:
    """Output path to hash, of every stage in the text of a dvc.lock."""
    stages: dict[str, Any] = (yaml.safe_load(text) or {}).get("stages", {})
    return {prefix + out["path"]: str(out["md5"]) for stage in stages.values() for out in stage.get("outs", [])}


def outputs_of(workspace: Path) -> dict[str, str]:
    """Output path to hash in the workspace's lock files."""
    found: dict[str, str] = {}
    for name in LOCKS:
        path = workspace / name
        if path.exists():
            found |= outputs(path.read_text())
    return found


def committed(workspace: Path, revision: str = "HEAD") -> dict[str, str]:
    """Output path to hash in the lock files of a commit; empty where there is none."""
    found: dict[str, str] = {}
    for name in LOCKS:
        shown = subprocess.run(["git", "show", f"{revision}:{name}"], cwd=workspace, capture_output=True, text=True)
        if shown.returncode == 0:
            found |= outputs(shown.stdout)
    return found


def committed_params(workspace: Path, revision: str = "HEAD") -> str | None:
    """Text of params.yaml in a commit, None where there is none."""
    shown = subprocess.run(["git", "show", f"{revision}:params.yaml"], cwd=workspace, capture_output=True, text=True)
    return shown.stdout if shown.returncode == 0 else None


def differences(recorded: dict[str, str], made: dict[str, str]) -> list[str]:
    """Paths whose hashes differ or that stand on one side only, but for the two that hold measured times."""
    paths = sorted(recorded.keys() | made.keys())
    return [path for path in paths if path not in NOT_REPRODUCIBLE and recorded.get(path) != made.get(path)]
