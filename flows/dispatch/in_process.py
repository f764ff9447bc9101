"""The pipeline of a commit without a server: the stages one after the other in this process, recorded as ever."""

from cxr.runtime.dvc_lock import Entry
from flows.dispatch import scheduler
from flows.dispatch.execute import execute
from flows.dispatch.order import Order
from flows.repo import record, workspace
from flows.support.settings import Settings


class InProcess:
    """A pool of one: carries an order out when it is polled."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._given: list[Order] = []

    def submit(self, order: Order) -> None:
        """Put the order at the end of the queue; `poll` carries it out."""
        self._given.append(order)

    def poll(self) -> list[scheduler.AttemptEnded]:
        """Carry out the oldest order of the queue, and report how it ended."""
        order = self._given.pop(0)
        try:
            return [scheduler.AttemptEnded(order, "done", execute(order, self._settings))]
        except workspace.StageFailed as failed:
            return [scheduler.AttemptEnded(order, "failed", message=str(failed))]

    def latest(self, run: str, stage: str) -> int:
        """None: nobody else works on this run."""
        return 0

    def known(self, stage: str) -> list[Entry]:
        """Nothing: earlier runs leave no trace but their commits."""
        return []

    def accepted(self, stage: str, entry: Entry) -> None:
        """Forget it: no later run asks here."""


def reproduce(commit: str, settings: Settings) -> None:
    """Make what is stale at a pushed commit and record it, as a run of the pipeline deployment does."""
    name = f"in-process-{commit[:12]}"
    with workspace.temporary(name, settings) as own:
        own.open_commit(commit)
        own.fetch_history()
        scheduler.run_stages(own, commit, name, InProcess(settings))
        record.record(own, commit)
