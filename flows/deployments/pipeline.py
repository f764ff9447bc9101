"""The pipeline over workers: pin a pushed commit, give out what is stale, record the result. Deployed as
`pipeline/pipeline`; `cxr run` starts a run of it for a checkout's commit.

`pipeline-here` is no deployment: `python -m flows.pipeline` calls it, which runs what is stale in its own folder.
"""

import logging
from pathlib import Path
from typing import Any

from prefect import flow, runtime

from flows.deployments import run_summary
from flows.deployments.run_log import show_in_run
from flows.dispatch import scheduler
from flows.dispatch.prefect_workers import Workers
from flows.repo import git, record, reproduce
from flows.repo.git import HandOverFailed
from flows.repo.workspace import Workspace, temporary
from flows.server import client
from flows.support.retry import retry
from flows.support.settings import from_environment

logger = logging.getLogger(__name__)


@flow(name="pipeline", persist_result=False)
def pipeline(revision: str = "main", parameters: dict[str, Any] | None = None, force: bool = False) -> None:
    """Reproduce `revision` (branch, tag or commit of the git remote) with parameters set for this run.

    Only stale stages are given out. `force`: also those for which an earlier run made a fitting entry.
    """
    show_in_run("pipeline")
    settings = from_environment()
    run = str(runtime.flow_run.id)
    if runtime.flow_run.run_count > settings.attempts:
        raise HandOverFailed(
            f"this run was taken up {settings.attempts} times and lost each time: see the workers' logs"
        )
    workers = Workers(settings)
    try:
        with temporary(f"pipeline-{run}-{runtime.flow_run.run_count}", settings) as workspace:
            _reproduce(workspace, pin(workspace, revision, parameters or {}, run), run, workers, force)
    except BaseException:
        if _is_being_cancelled(run):
            workers.cancel()
        raise


@flow(name="pipeline-here", persist_result=False)
def pipeline_here(parameters: dict[str, Any]) -> list[str]:
    """Run what is stale in this folder; addresses of what was. Fails with the name and last lines of a failed stage.

    Reported are the stages' lines, progress, and at the end what a run on workers leaves, too.
    """
    log, folder = show_in_run("pipeline", terminal=True), Path.cwd()
    made = reproduce.run(folder, parameters, log_lines=True)
    log.finished()
    run_summary.publish_here(folder)
    return made


def _reproduce(workspace: Workspace, commit: str, run: str, workers: Workers, force: bool) -> None:
    """Have made what is stale at the pinned commit, record it, and show it."""
    logger.info(f"pinned {commit}")
    entries = scheduler.run_stages(workspace, commit, run, workers, force)
    logger.info(f"made or taken over: {', '.join(entries)}" if entries else "nothing is stale")
    recorded = record.record(workspace, commit)
    run_summary.publish(workspace, recorded, record.version_before(workspace.folder, recorded))


def pin(workspace: Workspace, revision: str, parameters: dict[str, Any], run: str) -> str:
    """Clone and check out the commit of this run, overridden parameters committed; the same one when taken up again."""
    settings = workspace.settings
    retry(workspace.clone, "git remote", settings)
    pinned = client.kept(f"pin-{run}", settings)
    commit = pinned[0]["commit"] if pinned else git.resolve(workspace.folder, revision)
    workspace.checkout(commit)
    if not pinned:
        commit = record.commit_overrides(workspace, parameters) if parameters else commit
        client.keep(
            {"commit": commit}, settings, f"pin-{run}", "the commit of this run, also when it is taken up again"
        )
    return commit


def _is_being_cancelled(run: str) -> bool:
    try:
        return client.state_of(run) in ("CANCELLING", "CANCELLED")
    except Exception:  # no answer: rather leave the stages to the next attempt than end them
        return False
