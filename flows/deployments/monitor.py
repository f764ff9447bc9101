"""Watches production: judges the last scored studies, deployed as `monitor/monitor` with an hourly schedule.

Every run whose verdict is "drift" emits `cxr.drift.detected`, so that an event that came while a retraining was under
way is said again. `python -m flows.deployments.monitor` starts a run of the deployment and watches it; without a
server, `cxr monitor` does all but event and artifact.
"""

import logging
import sys
from pathlib import Path
from typing import Any

import typer
from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event
from prefect.states import Completed

from cxr.runtime import command_line
from cxr.runtime.hand_over.drift_verdict import DRIFT, DriftVerdict
from flows.deployments.run_log import show_in_run
from flows.repo.workspace import StageFailed
from flows.server import environment
from flows.support import supervised
from flows.support.settings import Settings, from_environment

logger = logging.getLogger(__name__)

DEPLOYMENT, EVENT = "monitor/monitor", "cxr.drift.detected"
_DRIFTED = 3  # exit status of serving.monitor


@flow(name="monitor", persist_result=False)
def monitor(window: int | None = None) -> Any:
    """Judge the last `window` studies of the scoring log (default: monitor.window of params.yaml)."""
    show_in_run("monitor")
    verdict, folder = judge(from_environment(), window)
    create_markdown_artifact((folder / "verdict.md").read_text(), key="drift", description=verdict.headline)
    if verdict.verdict == DRIFT:
        announce(verdict, folder.name)
    return Completed(name=verdict.headline, message="; ".join(verdict.reasons[:3]) or "nothing stands out")


def judge(settings: Settings, window: int | None) -> tuple[DriftVerdict, Path]:
    """Run `serving.monitor` in the project; the verdict and its folder. StageFailed where it can't judge."""
    asked = [] if window is None else ["--window", str(window)]
    command = [sys.executable, "-m", "serving.monitor", "--production", str(settings.production), *asked]
    ended = supervised.run(command, settings.project, on_line=logger.info)
    if ended.status not in (0, _DRIFTED):
        raise StageFailed("monitor: " + (ended.tail[-1] if ended.tail else f"exit status {ended.status}"))
    path = settings.project / ended.tail[-1].removeprefix("verdict: ")
    return DriftVerdict.read(path), path.parent


def announce(verdict: DriftVerdict, number: str) -> None:
    """Emit `cxr.drift.detected`: what retraining is triggered by."""
    model, window = verdict.model, verdict.window.model_dump(mode="json")
    emit_event(
        EVENT,
        resource={
            "prefect.resource.id": f"cxr.model.{model[:16]}",
            "prefect.resource.name": verdict.version or model[:16],
        },
        payload={
            "model": model,
            "version": verdict.version,
            "window": window,
            "reasons": list(verdict.reasons),
            "data_hash": verdict.window.data_hash,
            "verdict": number,
        },
    )


app = command_line.application()


@command_line.command(app, "0 (the run completed), 1 (it did not), 2 (wrong command line)")
def start() -> None:
    """Start a run of the deployment and watch it."""
    raise typer.Exit(environment.run_deployment(DEPLOYMENT, {}, from_environment()))


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m flows.deployments.monitor")


if __name__ == "__main__":
    sys.exit(main())
