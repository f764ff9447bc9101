"""Says whether the bytes in this workspace are the ones that its commit records in dvc.lock."""

import shutil
from pathlib import Path

from flows.repo.lockfile import NOT_REPRODUCIBLE, committed, committed_params, differences, outputs_of


def verdict(workspace: Path) -> str:
    """One or a few lines for people."""
    if shutil.which("git") is None:
        return "bytes: not compared with the commit's, as there is no `git` on this machine"
    recorded = committed(workspace)
    if not recorded:
        return "bytes: this commit records none (dvc.lock is not committed)"
    if (workspace / "params.yaml").read_text() != committed_params(workspace):
        return "bytes: params.yaml is not the committed one, so there is nothing recorded to compare with"
    differing = differences(recorded, outputs_of(workspace))
    if not differing:
        count = len([path for path in recorded if path not in NOT_REPRODUCIBLE])
        return f"bytes: all {count} outputs are the ones recorded in this commit"
    lines = [f"  differs: {path}" for path in differing]
    return "\n".join(["bytes: NOT the ones recorded in this commit (another CPU family or changed sources?)", *lines])
