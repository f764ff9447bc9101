"""The pool of real workers: orders are runs of the `stage` deployments, their ends are read from the Prefect server.

An order's idempotency key is (pipeline run, stage, attempt): a pipeline run that is taken up again by another worker
finds by it what its predecessor gave out.
"""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterIdempotencyKey
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.states import Cancelling, Crashed

from cxr.runtime import process_tree
from cxr.runtime.dvc_lock import Entry
from flows.dispatch.order import Order
from flows.dispatch.pools import pool
from flows.dispatch.scheduler import AttemptEnded
from flows.server import client
from flows.support.settings import Settings

_POLL_SECONDS, _SLOWEST_POLL_SECONDS, _SLOWER = 1.0, 5.0, 1.1  # a long stage is asked after less and less often
_PENDING_SECONDS = 300.0  # a worker that took a run and died before starting it leaves it Pending for ever
_SETTLE_SECONDS = process_tree.GRACE_SECONDS + 2.0  # in which a lost attempt's supervisor has ended its processes


class Workers:
    """Gives orders to work pools and reads what became of them; patient with a server that is restarted."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._under_way: dict[UUID, Order] = {}
        self._pending_since: dict[UUID, float] = {}
        self._pause = _POLL_SECONDS
        self._line: SyncPrefectClient | None = None

    def submit(self, order: Order) -> None:
        """Create (or find) the flow run of this attempt; one after a lost attempt begins when that one must be gone."""
        begin = datetime.now(UTC) + timedelta(seconds=_SETTLE_SECONDS) if order.attempt > 1 else None
        run: Any = client.retry(
            lambda: run_deployment(
                f"stage/stage-{pool(order.stage)}",
                parameters={"order": order.model_dump()},
                timeout=0,
                flow_run_name=order.name,
                tags=[f"pipeline-run:{order.pipeline_run}"],
                scheduled_time=begin,
                idempotency_key=_idempotency(order.pipeline_run, order.stage, order.attempt),
            ),
            self._settings,
        )
        self._under_way[run.id], self._pause = order, _POLL_SECONDS

    def latest(self, run: str, stage: str) -> int:
        """Number of the last attempt at a stage that the server knows in a pipeline run, 0 where there was none."""
        keys = [_idempotency(run, stage, attempt) for attempt in range(1, self._settings.attempts + 1)]
        wanted = FlowRunFilter(idempotency_key=FlowRunFilterIdempotencyKey(any_=keys))
        found = client.ask(lambda api: api.read_flow_runs(flow_run_filter=wanted), self._settings)
        return max((keys.index(str(given.idempotency_key)) + 1 for given in found), default=0)

    def poll(self) -> list[AttemptEnded]:
        """Poll once; the attempts that ended."""
        time.sleep(self._pause)
        self._pause = min(self._pause * _SLOWER, _SLOWEST_POLL_SECONDS)
        ends = []
        for run_id, order in list(self._under_way.items()):
            run = client.retry(
                lambda run_id=run_id: self._read(run_id),  # type: ignore[misc]
                self._settings,
            )
            if (ended := self._ended(run, order)) is not None:
                del self._under_way[run_id]
                ends.append(ended)
        return ends

    def known(self, stage: str) -> list[Entry]:
        """Entries of the stage that pipeline runs accepted, newest first."""
        return [data["entry"] for data in client.kept(_key(stage), self._settings)]

    def accepted(self, stage: str, entry: Entry) -> None:
        """Keep an entry on the server."""
        client.keep(
            {"stage": stage, "entry": entry},
            self._settings,
            _key(stage),
            f"lock entry of {stage}, for later runs with the same inputs",
        )

    def cancel(self) -> None:
        """Ask the server to cancel what is under way; the workers end the processes."""
        for run_id in self._under_way:
            self._set(run_id, Cancelling(), force=False)

    def _read(self, run_id: UUID) -> FlowRun:
        """A run, over the line that is open; one that failed is not used again."""
        line, self._line = self._line or client.open_line(), None
        run = line.read_flow_run(run_id)
        self._line = line
        return run

    def _ended(self, run: FlowRun, order: Order) -> AttemptEnded | None:
        state = run.state
        if state is None or not state.is_final():
            return self._stuck(run, order)
        message = state.message or state.name or ""
        if state.is_completed():
            found = client.kept_by(run.id, self._settings)
            entry = next((data["entry"] for data in found if data["attempt"] == order.attempt), None)
            return AttemptEnded(order, "done" if entry else "lost", entry, "ended without an entry")
        if state.is_crashed():
            return AttemptEnded(order, "lost", message=message)
        return AttemptEnded(
            order,
            "cancelled" if state.is_cancelled() else "failed",
            message=f"stage {order.stage} was cancelled" if state.is_cancelled() else _own_message(message),
        )

    def _stuck(self, run: FlowRun, order: Order) -> AttemptEnded | None:
        if run.state is None or not run.state.is_pending():
            self._pending_since.pop(run.id, None)
            return None
        since = self._pending_since.setdefault(run.id, time.monotonic())
        if time.monotonic() - since < _PENDING_SECONDS:
            return None
        self._set(run.id, Crashed(message="taken by a worker that never started it"), force=True)
        return None

    def _set(self, run_id: UUID, state: Any, force: bool) -> None:
        client.ask(lambda api: api.set_flow_run_state(run_id, state, force=force), self._settings)


def _idempotency(run: str, stage: str, attempt: int) -> str:
    return f"{run}:{stage}:{attempt}"


def _key(stage: str) -> str:
    return "entry-" + re.sub(r"[^a-z0-9]+", "-", stage.lower())


def _own_message(message: str) -> str:
    """The flow's own message without Prefect's words around it."""
    return re.sub(r"^Flow run encountered an exception: (\w+: )?", "", message)
