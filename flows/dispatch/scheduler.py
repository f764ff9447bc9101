"""Gives out stale stages until none is left: the loop of a dispatched pipeline run, without Prefect in it.

Who carries out an order, and how one learns of its end, is the worker pool's business: real workers
(`flows.dispatch.prefect_workers`), or a stand-in in tests. Truth is the lock entries in the workspace; the loop keeps
nothing else, so it can be started again.
"""

import logging
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from cxr.runtime.dvc_lock import Entry
from flows.dispatch.order import Order
from flows.repo import lockfile, status
from flows.repo.status import Step
from flows.repo.workspace import StageFailed, Workspace

logger = logging.getLogger(__name__)

Outcome = Literal["done", "failed", "lost", "cancelled"]


@dataclass(frozen=True)
class AttemptEnded:
    """End of one attempt: its entry where it is done, what the worker said where not."""

    order: Order
    outcome: Outcome
    entry: Entry | None = None
    message: str = ""


class WorkerPool(Protocol):
    """Those who carry out orders: real workers, this process, or a stand-in in tests."""

    def submit(self, order: Order) -> None:
        """Hand an order out; the same order a second time is the same one."""

    def poll(self) -> list[AttemptEnded]:
        """Wait a little; the attempts that ended since."""

    def latest(self, run: str, stage: str) -> int:
        """Number of the last attempt at a stage that was given out in this run, by whomever; 0 where there was none."""

    def known(self, stage: str) -> list[Entry]:
        """Entries of this stage that runs have accepted earlier, newest first."""

    def accepted(self, stage: str, entry: Entry) -> None:
        """Keep an entry for later runs."""


def run_stages(
    workspace: Workspace, commit: str, run: str, workers: WorkerPool, force: bool = False
) -> dict[str, Entry]:
    """Have every stale stage carried out; the entries made or taken over, merged into the workspace's lock files.

    StageFailed names the stages that failed and shows their last lines; what was made before stays known, so that the
    next run starts there. `force` gives out every stale stage even where an earlier run's entry would fit.
    """
    workspace.forget_absent()
    this = PipelineRun(workspace, commit, run, workers, force)
    going_on = True
    while going_on:
        going_on = this.give_out() or this.wait()
    if this.failed:
        raise StageFailed("\n".join(ended.message for ended in this.failed))
    return this.entries


@dataclass(frozen=True)
class PipelineRun:
    """What a pipeline run knows: entries it has made or taken over, orders under way, attempts that ended for good."""

    workspace: Workspace
    commit: str
    name: str
    workers: WorkerPool
    force: bool = False
    entries: dict[str, Entry] = field(default_factory=dict)
    under_way: dict[str, Order] = field(default_factory=dict)
    failed: list[AttemptEnded] = field(default_factory=list)

    def give_out(self) -> bool:
        """Hand every ready stage to the workers, or settle it without them; whether one was settled so, which may make
        others ready."""
        ready = [] if self.failed else status.ready(status.on_entries(self.workspace.folder), set(self.under_way))
        settled = [self._settle(step) for step in ready]
        for step, entry in zip(ready, settled, strict=True):
            if entry is not None:
                self.entries[step.address] = entry
            else:
                self._submit(step)
        return any(settled)

    def wait(self) -> bool:
        """Take what ended meanwhile; whether anything was under way."""
        if not self.under_way:
            return False
        for ended in self.workers.poll():
            self.take(ended)
        return True

    def take(self, ended: AttemptEnded) -> None:
        """Accept, give out again, or stop; the end of any attempt but the last one given out is refused.

        Who gave that one out does not matter: an earlier scheduler of this run may not have been as dead as it seemed.
        """
        order, stage = ended.order, ended.order.stage
        if self.under_way.get(stage) != order:
            logger.info(f"{stage}: attempt {order.attempt} is not the one under way; what it made is refused")
        elif (latest := self.workers.latest(order.pipeline_run, stage)) > order.attempt:
            logger.info(f"{stage}: attempt {latest} is under way; what attempt {order.attempt} made is refused")
            self._give_again(order, latest)
        elif ended.outcome == "done" and ended.entry is not None:
            self._accept(order, ended.entry)
        elif ended.outcome == "lost" and order.attempt < self.workspace.settings.attempts:
            logger.info(f"{stage}: attempt {order.attempt} was lost ({ended.message}); given out again")
            self._give_again(order, order.attempt + 1)
        else:
            del self.under_way[stage]
            self.failed.append(replace(ended, message=ended.message or f"stage {stage}: {ended.outcome}"))
            logger.info(f"{stage}: {ended.outcome}; stages after it are not started")

    def _settle(self, step: Step) -> Entry | None:
        """An uncached stage's entry, run here, or an earlier run's that fits; None where workers are to be asked."""
        folder = self.workspace.folder
        if step.uncached:
            self.workspace.reproduce([step.address])
            return lockfile.entry(folder, step.address)
        standing = lockfile.entry(folder, step.address)
        for entry in [] if self.force else self.workers.known(step.address):
            lockfile.merge(folder, {step.address: entry})
            if not any(other.stale for other in status.on_entries(folder) if other.address == step.address):
                logger.info(f"{step.address}: taken over from an earlier run with the same inputs")
                return entry
        lockfile.restore(folder, step.address, standing)
        return None

    def _submit(self, step: Step) -> None:
        logger.info(f"{step.address}: {step.stale}; given out")
        attempt = max(1, self.workers.latest(self.name, step.address))  # a run taken up again goes on where it was
        order = Order(
            stage=step.address, commit=self.commit, entries=dict(self.entries), attempt=attempt, pipeline_run=self.name
        )
        self.under_way[step.address] = order
        self.workers.submit(order)

    def _give_again(self, order: Order, attempt: int) -> None:
        self.under_way[order.stage] = order.model_copy(update={"attempt": attempt})
        self.workers.submit(self.under_way[order.stage])

    def _accept(self, order: Order, entry: Entry) -> None:
        del self.under_way[order.stage]
        self.entries[order.stage] = entry
        lockfile.merge(self.workspace.folder, {order.stage: entry})
        self.workers.accepted(order.stage, entry)
        logger.info(f"{order.stage}: done (attempt {order.attempt})")
