"""The flow that a worker runs: one stage, in a workspace of its own. Deployed as `stage/stage-cpu` and `stage-gpu`."""

from prefect import flow

from flows.deployments.run_log import show_in_run
from flows.dispatch.execute import execute
from flows.dispatch.order import Order
from flows.server import client
from flows.support.settings import from_environment


@flow(name="stage", persist_result=False)
def stage(order: Order) -> None:
    """Carry out one order; its lock entry is kept with this run. Fails with the stage's last lines."""
    log = show_in_run(order.stage.rpartition(":")[2])
    settings = from_environment()
    entry = execute(order, settings)
    log.finished()
    client.keep({"stage": order.stage, "attempt": order.attempt, "entry": entry}, settings)
