"""What a worker does with an order: a workspace of its own, dependencies pulled and checked, run, pushed."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from cxr.runtime.dvc_lock import Entry
from flows.dispatch.order import Order
from flows.repo import cache, lockfile, status, workspace
from flows.repo.workspace import StageFailed, Workspace
from flows.support.settings import Settings

logger = logging.getLogger(__name__)


def execute(order: Order, settings: Settings) -> Entry:
    """Make the stage's outputs, push them, return its lock entry. StageFailed or HandOverFailed with what to do."""
    name = f"{order.pipeline_run[:13]}-{order.name}-{os.getpid()}"
    with workspace.temporary(name, settings) as own, _half_written_removed(settings):
        own.open_commit(order.commit)
        lockfile.merge(own.folder, order.entries)
        _make(own, order.stage)
        own.push(order.stage)
        entry = lockfile.entry(own.folder, order.stage)
    if entry is None:
        raise StageFailed(f"stage {order.stage} ended well but DVC recorded nothing in dvc.lock")
    return entry


def _make(own: Workspace, stage: str) -> None:
    """Pull what the stage needs and run it, after the uncached stages above it: no remote holds what those make."""
    steps = {step.address: step for step in status.on_entries(own.folder)}
    uncached = [steps[name] for name in steps[stage].upstream if steps[name].uncached]
    made_here = {output for maker in uncached for output in maker.outputs}
    own.pull([path for path in steps[stage].dependencies if path not in made_here])
    own.reproduce([*(maker.address for maker in uncached), stage])


@contextmanager
def _half_written_removed(settings: Settings) -> Iterator[None]:
    """Where an order fails, a full disk may be why: take what DVC left half-written out of the cache."""
    try:
        yield
    except Exception:
        if left := cache.remove_unfinished(settings.cache):
            logger.info(f"{len(left)} half-written files removed from {settings.cache}")
        raise
