"""New studies into the scoring log, deployed as `score/score` with an hourly schedule.

The command runs in a process of its own; the page that it writes becomes an artifact.
`python -m flows.deployments.score [FOLDER]` starts a run of the deployment and watches it; without a server,
`cxr score` does all but the artifact.
"""

import json
import logging
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.states import Completed

from cxr.runtime import command_line
from cxr.runtime.hand_over import ScoringCounts
from flows.deployments.run_log import show_in_run
from flows.repo.workspace import StageFailed
from flows.server import environment
from flows.support import supervised
from flows.support.settings import Settings, from_environment

logger = logging.getLogger(__name__)

DEPLOYMENT = "score/score"


@flow(name="score", persist_result=False)
def score(folder: str | None = None, again: bool = False) -> Any:
    """Score what is new in a folder of the worker's machine (default: score.folder of params.yaml)."""
    log = show_in_run("score")
    counts, page = scored(folder, again, from_environment())
    log.finished()
    create_markdown_artifact(page, key="score", description=counts.headline)
    logger.info(counts.headline)
    return Completed(name="Scored" if counts.scored else "NothingNew", message=counts.headline)


def scored(folder: str | None, again: bool, settings: Settings) -> tuple[ScoringCounts, str]:
    """Run `serving.score` in the project; its counts and its page. StageFailed with what it said where it fails."""
    asked = [*([folder] if folder else []), *(["--again"] if again else [])]
    places = {"CXR_PRODUCTION": str(settings.production), "CXR_CACHE": str(settings.scratch)}
    with tempfile.TemporaryDirectory() as place:
        page = Path(place) / "score.md"
        command = [sys.executable, "-m", "serving.score", "--json", "--page", str(page), *asked]
        ended = supervised.run(command, settings.project, places, logger.info)
        if ended.status:
            raise StageFailed(ended.tail[-1] if ended.tail else f"score: exit status {ended.status}")
        return ScoringCounts.parse(json.loads(ended.tail[-1]), "serving.score --json"), page.read_text()


app = command_line.application()


@command_line.command(app, "0 (the run completed), 1 (it did not), 2 (wrong command line)")
def start(
    folder: Annotated[
        str | None, typer.Argument(help="on the workers' machine (default: score.folder of params.yaml)")
    ] = None,
) -> None:
    """Start a run of the deployment and watch it."""
    raise typer.Exit(environment.run_deployment(DEPLOYMENT, {"folder": folder}, from_environment()))


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m flows.deployments.score")


if __name__ == "__main__":
    sys.exit(main())
