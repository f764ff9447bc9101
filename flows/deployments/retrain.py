"""The retraining as a Prefect flow: each step a task, the pipeline a run of its deployment, the verdict an artifact."""

import logging
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import flow, runtime, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.events import emit_event
from prefect.states import Cancelling, Completed

from flows.deployments.run_log import show_in_run
from flows.release import gate, retraining, rounds
from flows.release.retraining import Retraining
from flows.repo.git import HandOverFailed
from flows.repo.workspace import StageFailed, Workspace
from flows.server import client
from flows.support.settings import Settings, from_environment

logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")
PIPELINE = "pipeline/pipeline"
ALERT = "cxr.retrain.needs-labels"
_POLL_SECONDS = 2.0
_MOST_TRIES = 20  # runs of the pipeline for one commit that failed earlier


@flow(name="retrain", persist_result=False)
def retrain(cause: dict[str, Any] | None = None) -> Any:
    """Train on what waits in production/inbox, judge, promote or keep. `cause`: an event's payload, or who asked."""
    show_in_run("retrain")
    settings = from_environment()
    if runtime.flow_run.run_count > settings.attempts:
        raise HandOverFailed(
            f"this run was taken up {settings.attempts} times and lost each time: see the workers' logs"
        )
    logger.info(f"cause: {_cause_message(cause)}")
    ended, why = rounds.run(settings, TaskSteps())
    if why:
        if not ended.enough:
            _alert(ended, cause, why)
        return Completed(name="NothingTrained", message=why)
    outcome = ended.reached["outcome"]
    return Completed(
        name=outcome.capitalize(),
        message=f"{ended.reached['version']}: {outcome}; "
        + ("; ".join(ended.reached.get("reasons", [])) or f"against {ended.champion.version}"),
    )


def _uncached_task(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A task that keeps no result and is never taken from a cache."""
    return task(name=name, persist_result=False, cache_policy=NO_CACHE)


class TaskSteps:
    """The steps, each shown on the server."""

    look = staticmethod(_uncached_task("look")(retraining.look))
    join = staticmethod(_uncached_task("join")(retraining.join))
    settle = staticmethod(_uncached_task("promote or put aside")(retraining.settle))

    @staticmethod
    @_uncached_task("gate")
    def judge(workspace: Workspace, commit: str, version: str) -> gate.Verdict:
        """The verdict, also as an artifact."""
        verdict = retraining.judge(workspace, commit, version)
        create_markdown_artifact(
            verdict.page,
            key="gate",
            description=f"{version}: " + ("promote" if verdict.promote else "the champion stays"),
        )
        return verdict

    @staticmethod
    @_uncached_task("pipeline")
    def pipeline(commit: str, key: str, settings: Settings) -> None:
        """A run of the pipeline's deployment on the commit; one that is under way or done already is taken over."""
        for turn in range(1, _MOST_TRIES):
            asked: Any = run_deployment(
                PIPELINE,
                parameters={"revision": commit, "parameters": {}, "force": False},
                timeout=0,
                idempotency_key=f"retrain:{key}:{commit}:{turn}",
                flow_run_name=f"retrain-{key[:6]}-{turn}",
            )
            if asked.state is not None and asked.state.is_final() and not asked.state.is_completed():
                continue  # it failed in an earlier retraining: once more
            logger.info(f"pipeline run {asked.name} ({asked.id})")
            _wait(asked, settings)
            return
        raise StageFailed(f"the pipeline failed {_MOST_TRIES} times on {commit[:12]}: mend what its runs say")


def _wait(asked: FlowRun, settings: Settings) -> None:
    """Until the run ends; StageFailed where not well. A cancelled retraining cancels it."""
    try:
        while True:
            state = client.ask(lambda api: api.read_flow_run(asked.id), settings).state
            if state is not None and state.is_final():
                break
            time.sleep(_POLL_SECONDS)
    except BaseException:
        if client.state_of(str(runtime.flow_run.id)) in ("CANCELLING", "CANCELLED"):
            client.ask(lambda api: api.set_flow_run_state(asked.id, Cancelling(), force=False), settings)
        raise
    if not state.is_completed():
        raise StageFailed(f"pipeline run {asked.name}: {state.name}: {state.message or ''}")


def _alert(ended: Retraining, cause: dict[str, Any] | None, why: str) -> None:
    """Warn that labels are lacking: in the log, as an artifact, and as an event that notifications can be hung on."""
    logger.warning(why)
    markdown = f"# Nothing is trained\n\n{why}.\n\nCause: {_cause_message(cause)}.\n"
    create_markdown_artifact(markdown, key="retrain-alert", description="a retraining was asked for and not started")
    emit_event(
        ALERT,
        resource={"prefect.resource.id": f"cxr.model.{ended.champion.identity[:16]}"},
        payload={"studies": ended.studies, "asked_for": ended.least, "model": ended.champion.version},
    )


def _cause_message(cause: dict[str, Any] | None) -> str:
    if not cause:
        return "schedule, or by hand"
    reasons = cause.get("reasons")
    return "drift: " + "; ".join(map(str, reasons)) if reasons else ", ".join(f"{k}: {v}" for k, v in cause.items())
