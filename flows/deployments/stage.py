"""The flow that a worker runs: one stage, in a workspace of its own. Deployed as `stage/stage-cpu` and `stage-gpu`."""
from typing import Any

from prefect import flow

from flows.deployments.run_log import show_in_run
from flows.repo import workspace
from flows.server import client
from flows.support import settings


@flow(name="stage", persist_result=False, validate_parameters=False)
def stage(order: dict[str, Any]) -> None:
    """Carry out one order; its lock entry is kept with this run. Fails with the stage's last lines."""
    asked = workspace.Order(**order)
    log = show_in_run(asked.stage.rpartition(":")[2])
    here = settings.from_environment()
    entry = workspace.carry_out(asked, here)
    log.finished()
    client.keep({"stage": asked.stage, "attempt": asked.attempt, "entry": entry}, here)
