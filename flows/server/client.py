"""Asks the Prefect server, again where it is being restarted. Keeps small JSON there, beside its runs."""

import json
import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import httpx
from prefect.artifacts import Artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort
from prefect.exceptions import PrefectHTTPStatusError

from flows.support.settings import Settings

logger = logging.getLogger(__name__)

T = TypeVar("T")
_PAUSE = 2.0  # seconds between tries
_KNOWN = 10  # what is kept under a key is read so far back, newest first
_KEPT = "result"  # Prefect's own type for what people need not see in the list of artifacts


def retry(action: Callable[[], T], settings: Settings) -> T:
    """The action's value; a server that does not answer is asked again until the settings' patience is over."""
    until, told = time.monotonic() + settings.patience, False
    while True:
        try:
            return action()
        except (httpx.TransportError, PrefectHTTPStatusError) as error:
            if time.monotonic() > until or _is_refusal(error):
                raise
            if not told:
                logger.info(f"the Prefect server does not answer ({type(error).__name__}); asking again")
            told = True
            time.sleep(_PAUSE)


def ask(action: Callable[[SyncPrefectClient], T], settings: Settings) -> T:
    """What a client answers, over a line of its own for each try."""
    return retry(lambda: _with_client(action), settings)


def keep(data: dict[str, Any], settings: Settings, key: str | None = None, description: str | None = None) -> None:
    """Store small JSON with the flow run that this is called in."""
    retry(lambda: Artifact(type=_KEPT, key=key, description=description, data=data).create(), settings)


def kept(key: str, settings: Settings) -> list[dict[str, Any]]:
    """What was stored under a key, newest first."""
    return _kept(ArtifactFilter(key=ArtifactFilterKey(any_=[key])), settings)


def kept_by(run: UUID, settings: Settings) -> list[dict[str, Any]]:
    """What a flow run stored, newest first."""
    return _kept(ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run])), settings)


def state_of(run: str) -> str:
    """Type of a flow run's state, as the server has it: RUNNING, CANCELLING, ... Asked once, without patience."""
    state = _with_client(lambda client: client.read_flow_run(UUID(run))).state
    return str(state.type.value) if state else "UNKNOWN"


def open_line() -> SyncPrefectClient:
    """A client that stays open: opening one costs a tenth of a second of CPU."""
    line = get_client(sync_client=True)
    assert isinstance(line, SyncPrefectClient)  # noqa: S101 (for the type checker)
    return line.__enter__()


def _kept(wanted: ArtifactFilter, settings: Settings) -> list[dict[str, Any]]:
    found = ask(
        lambda client: client.read_artifacts(artifact_filter=wanted, sort=ArtifactSort.CREATED_DESC, limit=_KNOWN),
        settings,
    )
    contents: list[Any] = [artifact.data for artifact in found if artifact.type == _KEPT]
    return [json.loads(content) if isinstance(content, str) else content for content in contents]


def _with_client(action: Callable[[SyncPrefectClient], T]) -> T:
    with get_client(sync_client=True) as client:
        assert isinstance(client, SyncPrefectClient)  # noqa: S101 (for the type checker)
        return action(client)


def _is_refusal(error: Exception) -> bool:
    """True for a 4xx: the server answered, and asking again gives the same."""
    return isinstance(error, PrefectHTTPStatusError) and error.response.status_code < 500
