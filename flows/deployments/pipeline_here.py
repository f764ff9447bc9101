"""The pipeline in this folder as a Prefect flow: the same function, reported to the server of PREFECT_API_URL.

Reported: the stages' lines in the run's log, progress, and at the end what a run on workers leaves, too
(`flows.deployments.run_summary`).
"""
from pathlib import Path
from typing import Any

from prefect import flow

from flows.deployments import run_summary
from flows.deployments.run_log import show_in_run
from flows.repo.reproduce import run


@flow(name="pipeline-here", persist_result=False)
def pipeline(parameters: dict[str, Any]) -> list[str]:
    """Run what is stale in this folder; addresses of what was. Fails with the name and last lines of a failed stage."""
    log, folder = show_in_run("pipeline", terminal=True), Path.cwd()
    made = run(folder, parameters, log_lines=True)
    log.finished()
    run_summary.publish_here(folder)
    return made
