"""The pipeline over workers: pin a pushed commit, give out what is stale, record the result. Deployed as
`pipeline/pipeline`; `python -m flows.submit` starts a run of it for a checkout's commit.
"""
import shutil
from pathlib import Path
from typing import Any

from prefect import flow, get_run_logger, runtime

from flows.deployments import run_summary
from flows.dispatch import scheduler
from flows.dispatch.prefect_workers import Workers
from flows.repo import git, record, workspace
from flows.repo.git import HandOverFailed
from flows.server import client
from flows.support import secrets, settings
from flows.support.retry import Say, patiently


@flow(name="pipeline", persist_result=False, validate_parameters=False)
def pipeline(revision: str = "main", parameters: dict[str, Any] | None = None, force: bool = False) -> None:
    """Reproduce `revision` (branch, tag or commit of the git remote) with parameters set for this run.

    Only stale stages are given out. `force`: also those for which an earlier run made a fitting entry.
    """
    here, say = settings.from_environment(), secrets.masked(get_run_logger().info)
    run = str(runtime.flow_run.id)
    if runtime.flow_run.run_count > here.attempts:
        raise HandOverFailed(f"this run was taken up {here.attempts} times and lost each time: see the workers' logs")
    folder = here.workspaces / f"pipeline-{run}-{runtime.flow_run.run_count}"
    crew = Workers(here, say)
    try:
        commit = pin(folder, revision, parameters or {}, run, here, say)
        say(f"pinned {commit}")
        entries = scheduler.conduct(folder, commit, run, crew, here, say, force)
        say(f"made or taken over: {', '.join(entries)}" if entries else "nothing is stale")
        recorded = record.record(folder, commit, here, say)
        run_summary.publish(folder, recorded, record.version_before(folder, recorded), here, say)
    except BaseException:
        if _is_being_cancelled(run):
            crew.cancel()
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def pin(folder: Path, revision: str, parameters: dict[str, Any], run: str, here: settings.Settings, say: Say
        ) -> str:
    """Clone and check out the commit of this run, overridden parameters committed; the same one when taken up again."""
    patiently(lambda: git.clone(folder, here.git), "git remote", here, say)
    pinned = client.kept(f"pin-{run}", here, say)
    commit = pinned[0]["commit"] if pinned else git.resolve(folder, revision)
    git.git(folder, "checkout", "-q", "--detach", commit)
    workspace.configure(folder, here)
    if not pinned:
        commit = record.commit_overrides(folder, parameters, here, say) if parameters else commit
        client.keep({"commit": commit}, here, say, f"pin-{run}",
                    "the commit of this run, also when it is taken up again")
    return commit


def _is_being_cancelled(run: str) -> bool:
    try:
        return client.state_of(run) in ("CANCELLING", "CANCELLED")
    except Exception:  # no answer: rather leave the stages to the next attempt than end them
        return False
