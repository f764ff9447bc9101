"""What the server does by itself: a run that stopped beating is crashed, a crashed pipeline run is taken up again.

That drift starts a retraining stands in prefect.yaml, as the trigger of its deployment.
A crashed stage is given out again by its pipeline run (`flows.dispatch.scheduler`), which knows the attempts.
"""

from datetime import timedelta
from typing import Any

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

SILENCE_SECONDS = 90
SETTLE_SECONDS = 20
_BEAT = "prefect.flow-run.heartbeat"
_ENDS = {
    f"prefect.flow-run.{end}"
    for end in ("Completed", "Failed", "Crashed", "Cancelled", "Cancelling", "Paused", "Suspended", "AwaitingRetry")
}


def deploy(silence_seconds: float = SILENCE_SECONDS) -> None:
    """Create both automations on the server, or put them as they are here."""
    for automation in (zombies_crash(silence_seconds), crashed_pipelines_go_on()):
        _put(automation)


def zombies_crash(silence_seconds: float) -> Automation:
    """A flow run that beat once and then neither beats nor ends is called Crashed."""
    return Automation(
        name="cxr: a silent run is crashed",
        trigger=EventTrigger(
            after={_BEAT},
            expect={_BEAT, *_ENDS},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=silence_seconds),
        ),
        actions=[
            ChangeFlowRunState(
                name="Crashed",
                state=StateType.CRASHED,
                force=False,
                message="no heartbeat: its process or machine is gone",
            )
        ],
    )


def crashed_pipelines_go_on() -> Automation:
    """A pipeline or retraining run that crashed, and that nobody moved on since, is scheduled again.

    The flow counts how often. Not at once: a worker reports a killed flow twice within a second, and the second report
    would undo it.
    """
    related: dict[str, Any] = {"prefect.resource.role": "flow", "prefect.resource.name": ["pipeline", "retrain"]}
    return Automation(
        name="cxr: a crashed pipeline run is taken up again",
        trigger=EventTrigger(
            after={"prefect.flow-run.Crashed"},
            expect={"prefect.flow-run.AwaitingRetry"},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related=related,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=timedelta(seconds=SETTLE_SECONDS),
        ),
        actions=[
            ChangeFlowRunState(name="AwaitingRetry", state=StateType.SCHEDULED, force=False, message="taken up again")
        ],
    )


def _put(automation: Automation) -> None:
    try:
        standing = Automation.read(name=automation.name)
    except (ValueError, ObjectNotFound):
        automation.create()
        return
    assert isinstance(standing, Automation)  # noqa: S101 (a coroutine only where awaited)
    automation.id = standing.id
    automation.update()
