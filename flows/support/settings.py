"""Where this machine finds the project, its git remote, its DVC remote and cache: read from the environment, once.

No flow parameter and no log line carries any of these: an address may hold a password.
"""
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """One machine's view: `git` and `remote` are addresses, the others folders of this machine."""

    project: Path  # the checkout whose flows run here
    git: str  # what workspaces clone from and records are pushed to
    remote: str | None  # DVC remote; None: the one that the commit's .dvc/config names
    cache: Path  # DVC cache, one a machine
    scratch: Path  # per-image caches and checkpoints (CXR_CACHE of the stages), one a machine
    workspaces: Path
    patience: float  # seconds for which a remote or a server may be gone before a run gives up
    attempts: int  # how often a stage whose machine or process died is given out
    reports: str | None  # address at which people's browsers find `reports` beside the workspaces; None: its file
    production: Path  # what serves on this machine: models, log, inbox, verdicts


def from_environment() -> Settings:
    """Settings of this process; docs/how-to/prefect-team.md lists the variables."""
    project = Path(os.environ.get("CXR_PROJECT", Path(__file__).resolve().parents[2])).resolve()
    home = Path(os.environ.get("CXR_HOME", project / ".prefect")).resolve()
    return Settings(
        project=project,
        git=os.environ.get("CXR_GIT") or origin(project) or str(home / "git"),
        remote=os.environ.get("CXR_REMOTE") or None,
        cache=Path(os.environ.get("CXR_DVC_CACHE", home / "dvc-cache")).resolve(),
        scratch=Path(os.environ.get("CXR_CACHE", home / "scratch")).resolve(),
        workspaces=Path(os.environ.get("CXR_WORKSPACES", home / "workspaces")).resolve(),
        patience=float(os.environ.get("CXR_PATIENCE_SECONDS", "1800")),
        attempts=int(os.environ.get("CXR_STAGE_ATTEMPTS", "4")),
        reports=os.environ.get("CXR_REPORTS_URL") or None,
        production=Path(os.environ.get("CXR_PRODUCTION", project / "production")).resolve(),
    )


def origin(project: Path) -> str | None:
    """Address of a checkout's git remote `origin`, None where it has none."""
    shown = subprocess.run(["git", "remote", "get-url", "origin"], cwd=project, capture_output=True, text=True)
    return shown.stdout.strip() or None
