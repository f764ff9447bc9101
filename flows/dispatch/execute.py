"""What a worker does with an order: a workspace of its own, dependencies pulled and checked, run, pushed."""
import logging
import os

from flows.dispatch.order import Order
from flows.repo import cache, lockfile, status, workspace
from flows.support.settings import Settings

logger = logging.getLogger(__name__)


def execute(order: Order, settings: Settings) -> lockfile.Entry:
    """Make the stage's outputs, push them, return its lock entry. StageFailed or HandOverFailed with what to do."""
    folder = settings.workspaces / f"{order.pipeline_run[:13]}-{order.name}-{os.getpid()}"
    try:
        workspace.checkout(folder, order.commit, settings)
        lockfile.merge(folder, order.entries)
        steps = {step.address: step for step in status.on_entries(folder)}
        step = steps[order.stage]
        uncached = [steps[name] for name in step.upstream if steps[name].uncached]
        made_here = {output for maker in uncached for output in maker.outputs}
        workspace.pull(folder, [path for path in step.dependencies if path not in made_here], settings)
        workspace.reproduce(folder, [*(maker.address for maker in uncached), order.stage], settings)
        workspace.push(folder, order.stage, settings)
        entry = lockfile.entry(folder, order.stage)
    except Exception:
        if left := cache.remove_unfinished(settings.cache):
            logger.info(f"{len(left)} half-written files removed from {settings.cache}")
        raise
    finally:
        workspace.remove(folder)
    if entry is None:
        raise workspace.StageFailed(f"stage {order.stage} ended well but DVC recorded nothing in dvc.lock")
    return entry
