"""Gives out stale stages until none is left: the loop of a dispatched pipeline run, without Prefect in it.

Who carries out an order, and how one learns of its end, is the worker pool's business: real workers
(`flows.dispatch.prefect_workers`), or a stand-in in tests. Truth is the lock entries in the workspace; the loop keeps
nothing else, so it can be started again.
"""
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from flows.dispatch.order import Order
from flows.repo import lockfile, status, workspace
from flows.repo.status import Step
from flows.repo.workspace import StageFailed
from flows.support.settings import Settings

logger = logging.getLogger(__name__)

Outcome = Literal["done", "failed", "lost", "cancelled"]


@dataclass(frozen=True)
class AttemptEnded:
    """End of one attempt: its entry where it is done, what the worker said where not."""

    order: Order
    outcome: Outcome
    entry: lockfile.Entry | None = None
    message: str = ""


class WorkerPool(Protocol):
    """Those who carry out orders: real workers, this process, or a stand-in in tests."""

    def submit(self, order: Order) -> None:
        """Hand an order out; the same order a second time is the same one."""

    def poll(self) -> list[AttemptEnded]:
        """Wait a little; the attempts that ended since."""

    def latest(self, run: str, stage: str) -> int:
        """Number of the last attempt at a stage that was given out in this run, by whomever; 0 where there was none."""

    def known(self, stage: str) -> list[lockfile.Entry]:
        """Entries of this stage that runs have accepted earlier, newest first."""

    def accepted(self, stage: str, entry: lockfile.Entry) -> None:
        """Keep an entry for later runs."""


def run_stages(folder: Path, commit: str, run: str, workers: WorkerPool, settings: Settings, force: bool = False
            ) -> dict[str, lockfile.Entry]:
    """Have every stale stage carried out; the entries made or taken over, merged into the workspace's lock files.

    StageFailed names the stages that failed and shows their last lines; what was made before stays known, so that the
    next run starts there. `force` gives out every stale stage even where an earlier run's entry would fit.
    """
    entries: dict[str, lockfile.Entry] = {}
    under_way: dict[str, Order] = {}
    broken: list[AttemptEnded] = []
    workspace.forget_absent(folder, settings)
    while True:
        ready = [] if broken else status.ready(status.on_entries(folder), set(under_way))
        settled = [_settle(folder, step, workers, settings, force) for step in ready]
        for step, entry in zip(ready, settled, strict=True):
            if entry is not None:
                entries[step.address] = entry
                continue
            logger.info(f"{step.address}: {step.stale}; given out")
            attempt = max(1, workers.latest(run, step.address))  # a run taken up again goes on where it was
            under_way[step.address] = Order(stage=step.address, commit=commit, entries=dict(entries), attempt=attempt,
                                            pipeline_run=run)
            workers.submit(under_way[step.address])
        if any(settled):
            continue
        if not under_way:
            break
        for ended in workers.poll():
            _take(ended, folder, entries, under_way, broken, workers, settings)
    if broken:
        raise StageFailed("\n".join(ended.message for ended in broken))
    return entries


def _settle(folder: Path, step: Step, workers: WorkerPool, settings: Settings, force: bool) -> lockfile.Entry | None:
    """An uncached stage's entry, run here, or that of an earlier run which fits; None where workers are to be asked."""
    if step.uncached:
        workspace.reproduce(folder, [step.address], settings)
        return lockfile.entry(folder, step.address)
    standing = lockfile.entry(folder, step.address)
    for entry in [] if force else workers.known(step.address):
        lockfile.merge(folder, {step.address: entry})
        if not any(other.stale for other in status.on_entries(folder) if other.address == step.address):
            logger.info(f"{step.address}: taken over from an earlier run with the same inputs")
            return entry
    lockfile.restore(folder, step.address, standing)
    return None


def _take(ended: AttemptEnded, folder: Path, entries: dict[str, lockfile.Entry], under_way: dict[str, Order],
          broken: list[AttemptEnded], workers: WorkerPool, settings: Settings) -> None:
    """Accept, give out again, or stop; the end of any attempt but the last one given out is refused.

    Who gave that one out does not matter: an earlier scheduler of this run may not have been as dead as it seemed.
    """
    stage = ended.order.stage
    if under_way.get(stage) != ended.order:
        logger.info(f"{stage}: attempt {ended.order.attempt} is not the one under way; what it made is refused")
        return
    if (latest := workers.latest(ended.order.pipeline_run, stage)) > ended.order.attempt:
        under_way[stage] = ended.order.model_copy(update={"attempt": latest})
        logger.info(f"{stage}: attempt {latest} is under way; what attempt {ended.order.attempt} made is refused")
        workers.submit(under_way[stage])
        return
    if ended.outcome == "done" and ended.entry is not None:
        del under_way[stage]
        entries[stage] = ended.entry
        lockfile.merge(folder, {stage: ended.entry})
        workers.accepted(stage, ended.entry)
        logger.info(f"{stage}: done (attempt {ended.order.attempt})")
    elif ended.outcome == "lost" and ended.order.attempt < settings.attempts:
        under_way[stage] = ended.order.model_copy(update={"attempt": ended.order.attempt + 1})
        logger.info(f"{stage}: attempt {ended.order.attempt} was lost ({ended.message}); given out again")
        workers.submit(under_way[stage])
    else:
        del under_way[stage]
        broken.append(replace(ended, message=ended.message or f"stage {stage}: {ended.outcome}"))
        logger.info(f"{stage}: {ended.outcome}; stages after it are not started")
