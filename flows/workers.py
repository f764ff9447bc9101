"""The crew of real workers: orders are runs of the `stage` deployments, their ends are read from the Prefect server.

An order's idempotency key is (pipeline run, stage, attempt): a pipeline run that is taken up again by another worker
gives the same orders again and so finds what its predecessor gave out.
"""
import json
import re
import time
from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import Artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import ArtifactSort
from prefect.deployments import run_deployment
from prefect.exceptions import PrefectHTTPStatusError
from prefect.states import Cancelling, Crashed

from flows.conduct import News
from flows.lockfile import Entry
from flows.pools import pool
from flows.settings import Settings
from flows.workspace import Order, Say

_POLL_SECONDS, _SLOWEST_POLL_SECONDS, _SLOWER = 1.0, 5.0, 1.1  # a long stage is asked after less and less often
_PENDING_SECONDS = 300.0  # a worker that took a run and died before starting it leaves it Pending for ever
_KNOWN = 10  # entries of a stage looked at, newest first
_KEPT = "result"  # Prefect's own type for what people need not see in the list of artifacts


class Workers:
    """Gives orders to work pools and reads what became of them; patient with a server that is restarted."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self._settings, self._say = settings, say
        self._under_way: dict[UUID, Order] = {}
        self._pending_since: dict[UUID, float] = {}
        self._pause = _POLL_SECONDS
        self._line: SyncPrefectClient | None = None  # kept open: opening one costs a tenth of a second of CPU

    def give(self, order: Order) -> None:
        """Create (or find) the flow run of this attempt."""
        run = self._patiently(lambda: run_deployment(
            f"stage/stage-{pool(order.stage)}", parameters={"order": to_parameters(order)}, timeout=0,
            flow_run_name=order.name, tags=[f"pipeline-run:{order.pipeline_run}"],
            idempotency_key=f"{order.pipeline_run}:{order.stage}:{order.attempt}"))
        self._under_way[run.id], self._pause = order, _POLL_SECONDS

    def news(self) -> list[News]:
        """Poll once; the attempts that ended."""
        time.sleep(self._pause)
        self._pause = min(self._pause * _SLOWER, _SLOWEST_POLL_SECONDS)
        ended = []
        for run_id, order in list(self._under_way.items()):
            run = self._patiently(lambda run_id=run_id: self._read(run_id))
            if (news := self._ended(run, order)) is not None:
                del self._under_way[run_id]
                ended.append(news)
        return ended

    def known(self, stage: str) -> list[Entry]:
        """Entries of the stage that pipeline runs accepted, newest first."""
        return [data["entry"] for data in self._patiently(lambda: _read_kept(ArtifactFilter(
            key=ArtifactFilterKey(any_=[_key(stage)]))))]

    def accepted(self, stage: str, entry: Entry) -> None:
        """Keep an entry on the server."""
        self._patiently(lambda: keep({"stage": stage, "entry": entry}, _key(stage),
                                     f"lock entry of {stage}, for later runs with the same inputs"))

    def cancel(self) -> None:
        """Ask the server to cancel what is under way; the workers end the processes."""
        for run_id in self._under_way:
            self._patiently(lambda run_id=run_id: _with_client(
                lambda client: client.set_flow_run_state(run_id, Cancelling(), force=False)))

    def _read(self, run_id: UUID) -> FlowRun:
        """A run, over the line that is open; one that failed is not used again."""
        line, self._line = self._line or _open(), None
        run = line.read_flow_run(run_id)
        self._line = line
        return run

    def _ended(self, run: FlowRun, order: Order) -> News | None:
        state = run.state
        if state is None or not state.is_final():
            return self._stuck(run, order)
        message = state.message or state.name or ""
        if state.is_completed():
            found = self._patiently(lambda: _read_kept(ArtifactFilter(
                flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))))
            entry = next((data["entry"] for data in found if data["attempt"] == order.attempt), None)
            return News(order, "done" if entry else "lost", entry, "ended without an entry")
        if state.is_crashed():
            return News(order, "lost", message=message)
        return News(order, "cancelled" if state.is_cancelled() else "failed",
                    message=f"stage {order.stage} was cancelled" if state.is_cancelled() else _said(message))

    def _stuck(self, run: FlowRun, order: Order) -> News | None:
        if run.state is None or not run.state.is_pending():
            self._pending_since.pop(run.id, None)
            return None
        since = self._pending_since.setdefault(run.id, time.monotonic())
        if time.monotonic() - since < _PENDING_SECONDS:
            return None
        self._patiently(lambda: _with_client(lambda client: client.set_flow_run_state(
            run.id, Crashed(message="taken by a worker that never started it"), force=True)))
        return None

    def _patiently(self, action: Any) -> Any:
        """The action's value; a server that does not answer is asked again until patience is over."""
        until, said = time.monotonic() + self._settings.patience, False
        while True:
            try:
                return action()
            except (httpx.TransportError, PrefectHTTPStatusError) as error:
                if time.monotonic() > until or _is_refusal(error):
                    raise
                if not said:
                    self._say(f"the Prefect server does not answer ({type(error).__name__}); asking again")
                said = True
                time.sleep(2 * _POLL_SECONDS)


def to_parameters(order: Order) -> dict[str, Any]:
    """What travels through Prefect: small JSON."""
    return {"stage": order.stage, "commit": order.commit, "entries": order.entries, "attempt": order.attempt,
            "pipeline_run": order.pipeline_run}


def keep(data: dict[str, Any], key: str | None = None, description: str | None = None) -> None:
    """Store small JSON with the flow run that this is called in."""
    Artifact(type=_KEPT, key=key, description=description, data=data).create()


def kept(key: str) -> list[dict[str, Any]]:
    """What was stored under a key, newest first."""
    return _read_kept(ArtifactFilter(key=ArtifactFilterKey(any_=[key])))


def state_of(run: str) -> str:
    """Type of a flow run's state, as the server has it: RUNNING, CANCELLING, ..."""
    state = _with_client(lambda client: client.read_flow_run(UUID(run))).state
    return str(state.type.value) if state else "UNKNOWN"


def _read_kept(wanted: ArtifactFilter) -> list[dict[str, Any]]:
    found = _with_client(lambda client: client.read_artifacts(
        artifact_filter=wanted, sort=ArtifactSort.CREATED_DESC, limit=_KNOWN))
    return [json.loads(artifact.data) if isinstance(artifact.data, str) else artifact.data
            for artifact in found if artifact.type == _KEPT]


def _open() -> SyncPrefectClient:
    line = get_client(sync_client=True)
    assert isinstance(line, SyncPrefectClient)  # noqa: S101 (for the type checker)
    return line.__enter__()


def _with_client(action: Any) -> Any:
    with get_client(sync_client=True) as client:
        assert isinstance(client, SyncPrefectClient)  # noqa: S101 (for the type checker)
        return action(client)


def _key(stage: str) -> str:
    return "entry-" + re.sub(r"[^a-z0-9]+", "-", stage.lower())


def _said(message: str) -> str:
    """The flow's own message without Prefect's words around it."""
    return re.sub(r"^Flow run encountered an exception: (\w+: )?", "", message)


def _is_refusal(error: Exception) -> bool:
    """True for a 4xx: the server answered, and asking again gives the same."""
    return isinstance(error, PrefectHTTPStatusError) and error.response.status_code < 500
