"""New studies into the scoring log, deployed as `score/score` with an hourly schedule.

The command runs in a process of its own; its counts become an artifact. `python -m flows.deployments.score
[FOLDER]` starts a run of the deployment and watches it; without a server, `python -m serving.score` does all but the
artifact.
"""
import json
import os
import sys
from typing import Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.states import Completed

from flows import up
from flows.deployments.stage import Shown
from flows.repo.workspace import Say, StageFailed
from flows.server import services
from flows.support import settings, supervised
from flows.support.settings import Settings

DEPLOYMENT = "score/score"


@flow(name="score", persist_result=False, validate_parameters=False)
def score(folder: str | None = None, again: bool = False) -> Any:
    """Score what is new in a folder of the worker's machine (default: score.folder of params.yaml)."""
    shown = Shown("score")
    counts = scored(folder, again, settings.from_environment(), shown)
    shown.finished()
    words = in_words(counts)
    create_markdown_artifact(page(counts, folder), key="score", description=words)
    get_run_logger().info(words)
    return Completed(name="Scored" if counts["scored"] else "NothingNew", message=words)


def scored(folder: str | None, again: bool, here: Settings, say: Say) -> dict[str, Any]:
    """Run `serving.score` in the project; its counts. StageFailed with what it said where it ends with an error."""
    asked = [*([folder] if folder else []), *(["--again"] if again else [])]
    command = [sys.executable, "-m", "serving.score", "--json", *asked]
    places = {"CXR_PRODUCTION": str(here.production), "CXR_CACHE": str(here.scratch)}
    ended = supervised.run(command, here.project, places, say)
    if ended.status:
        raise StageFailed(ended.tail[-1] if ended.tail else f"score: exit status {ended.status}")
    counts: dict[str, Any] = json.loads(ended.tail[-1])
    return counts


def in_words(counts: dict[str, Any]) -> str:
    """The counts in one line."""
    return (f"{counts['seen']} files seen = {counts['scored']} scored + {counts['already']} already scored + "
            f"{counts['quarantined']} quarantined")


def page(counts: dict[str, Any], folder: str | None) -> str:
    """The counts as markdown."""
    lines = ["# Scoring", "", f"Folder: {folder or 'score.folder of params.yaml'}.", "", "| files | |", "|---|---:|",
             *(f"| {name} | {counts[name]} |" for name in ("seen", "scored", "already", "quarantined", "others")), "",
             *(f"- {count} scored by {version}" for version, count in sorted(counts["models"].items()))]
    if counts["quarantined"]:
        lines.append("\nWhy files were quarantined: `log/quarantine.csv` in the production folder.")
    return "\n".join(lines) + "\n"


def main(folder: str | None = None) -> int:
    """Start a run of the deployment and watch it."""
    here = settings.from_environment()
    if not os.environ.get("PREFECT_API_URL"):
        os.environ.update(up.variables(here, services.home(here.project)))
    from flows.server.follow import follow

    return follow(DEPLOYMENT, {"folder": folder})


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
