"""Where the story takes place: `.demo/`, with a project, git and DVC remotes, a server and workers of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from cxr.core.files import write_text

CODE = Path(__file__).resolve().parent.parent
TOP = Path(os.environ.get("CXR_DEMO", CODE / ".demo")).resolve()
PROJECT, GIT, STORE, HOME, IMAGES = (TOP / name for name in ("project", "git", "store", "home", "images"))
PRODUCTION = PROJECT / "production"
PORT = os.environ.get("CXR_DEMO_PORT", "4290")
SET = "drift_demo"


def environment() -> dict[str, str]:
    """Variables for all that runs in the story; nothing of another server or project."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT", "CXR_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    return {
        **kept,
        "PATH": path,
        "PYTHONPATH": str(PROJECT),
        "CXR_PROJECT": str(PROJECT),
        "CXR_GIT": str(GIT),
        "CXR_REMOTE": str(STORE),
        "CXR_HOME": str(HOME),
        "CXR_PRODUCTION": str(PRODUCTION),
        "CXR_PORT": PORT,
        "DVC_NO_ANALYTICS": "1",
        "CXR_CACHE": str(HOME / "scratch"),
    }


def run(*command: str, quiet: bool = True) -> str:
    """Run a command in the project; SystemExit with its last lines where it fails."""
    ended = subprocess.run(command, cwd=PROJECT, env=environment(), text=True, capture_output=quiet)
    if ended.returncode:
        last = "\n".join(((ended.stderr or "") + (ended.stdout or "")).splitlines()[-12:])
        raise SystemExit(f"demo: {' '.join(command)} ended with exit status {ended.returncode}\n{last}")
    return ended.stdout or ""


def python(module: str, *arguments: str, quiet: bool = True) -> str:
    """Run `python -m MODULE` in the project."""
    return run(sys.executable, "-m", module, *arguments, quiet=quiet)


def make() -> None:
    """The project: this checkout's commit with the preset `demo`, its own bare remote, the first batch added."""
    for folder in (PROJECT, GIT, STORE, HOME):
        shutil.rmtree(folder, ignore_errors=True)
    TOP.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(GIT)], check=True)
    subprocess.run(["git", "clone", "-q", str(CODE), str(PROJECT)], check=True)
    for name, value in {"user.name": "demo", "user.email": "demo@localhost"}.items():
        run("git", "config", name, value)
    run("git", "remote", "set-url", "origin", str(GIT))
    config = [
        "[core]",
        "    remote = shared",
        "['remote \"shared\"']",
        f"    url = {STORE}",
        "[cache]",
        f"    dir = {HOME / 'dvc-cache'}",
        "",
    ]
    (PROJECT / ".dvc" / "config.local").write_text("\n".join(config))
    STORE.mkdir()
    python("command.preset", "demo")
    python("cxr.raw", "add", "--set", SET, "--from", str(IMAGES / "first"))
    run("git", "add", "params.yaml", f"data/raw/{SET}.dvc", f"data/raw/{SET}.ledger", "data/raw/.gitignore")
    run("git", "commit", "-q", "-m", "The demo's first batch, from scanner A")
    python("dvc", "push", f"data/raw/{SET}.dvc")
    run("git", "push", "-q", "origin", "HEAD:refs/heads/main")


def manifest(version: str) -> Path:
    """The manifest of a recorded version, fetched from the story's DVC remote."""
    path = TOP / "manifests" / f"{version}.parquet"
    path.parent.mkdir(exist_ok=True)
    run("git", "fetch", "-q", "--tags", "--force", "origin")
    python("dvc", "get", "--force", "--rev", f"model@{version}", "--out", str(path), ".", "data/manifest.parquet")
    return path


def stage() -> str:
    """Version that has gto's stage `prod` in the story's git remote, empty where none has."""

    def tags(pattern: str, *more: str) -> list[str]:
        """Names of the remote's tags that fit a pattern."""
        shown = subprocess.run(
            ["git", "tag", "--list", pattern, *more], cwd=GIT, capture_output=True, text=True, check=True
        )
        return shown.stdout.split()

    newest = max(tags("model#prod#*"), key=lambda tag: int(tag.rpartition("#")[2]), default="")
    versions = tags("model@v*", "--points-at", f"{newest}^{{commit}}") if newest else []
    return versions[0].partition("@")[2] if versions else ""


class Book:
    """What was done and measured, in `.demo/story.json`: the same command again goes on after the last step."""

    def __init__(self) -> None:
        self._path = TOP / "story.json"
        self.content: dict[str, Any] = json.loads(self._path.read_text()) if self._path.exists() else {}

    def done(self, step: str) -> bool:
        """Whether a step was carried out."""
        return step in self.content.get("steps", {})

    def write(self, step: str, **facts: Any) -> None:
        """Enter a step as done, with what was measured."""
        self.content.setdefault("steps", {})[step] = facts
        self._save()

    def forget(self, step: str) -> None:
        """Take a step's entry out: the same command does it again."""
        self.content["steps"].pop(step)
        self._save()

    def _save(self) -> None:
        write_text(self._path, json.dumps(self.content, indent=2) + "\n")
