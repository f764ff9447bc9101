"""Starts a deployment's run and shows its log in the terminal until it ends. Ctrl-C stops watching, not the run."""
import sys
import time
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId, LogFilterTimestamp
from prefect.client.schemas.sorting import LogSort
from prefect.deployments import run_deployment

_POLL_SECONDS = 2.0


def follow(deployment: str, parameters: dict[str, Any]) -> int:
    """Exit status 0 where the run completed, 1 where it ended otherwise, 130 where nobody watches any more."""
    run: Any = run_deployment(deployment, parameters=parameters, timeout=0)
    print(f"run {run.name} ({run.id})", flush=True)
    try:
        return _watch(run.id)
    except KeyboardInterrupt:
        print(f"it goes on; cancel it with: prefect flow-run cancel {run.id}", file=sys.stderr)
        return 130


def _watch(run_id: Any) -> int:
    since: Any = None
    with get_client(sync_client=True) as client:
        while True:
            state = client.read_flow_run(run_id).state
            since = _show(client, run_id, since)
            if state is not None and state.is_final():
                print(f"{state.name}: {state.message or ''}")
                return 0 if state.is_completed() else 1
            time.sleep(_POLL_SECONDS)


def _show(client: Any, run_id: Any, since: Any) -> Any:
    wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run_id]),
                       timestamp=LogFilterTimestamp(after_=since) if since else None)
    for log in client.read_logs(wanted, limit=200, sort=LogSort.TIMESTAMP_ASC):
        if since is None or log.timestamp > since:
            print(log.message, flush=True)
            since = log.timestamp
    return since
