"""Starts a deployment's run and shows its log in the terminal until it ends. Ctrl-C stops watching, not the run.

The log of a pipeline's run has those of its stages, each line after the stage's name.
"""

import sys
import time
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterTags,
    LogFilter,
    LogFilterFlowRunId,
    LogFilterTimestamp,
)
from prefect.client.schemas.sorting import LogSort
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings

_POLL_SECONDS = 2.0
_OF_PREFECT = ("Finished in state", "Beginning flow run", "Beginning subflow run")  # says nothing of ours


def follow(deployment: str, parameters: dict[str, Any]) -> int:
    """Exit status 0 where the run completed, 1 where it ended otherwise, 130 where nobody watches any more."""
    try:
        run: Any = run_deployment(deployment, parameters=parameters, timeout=0)
    except ObjectNotFound:
        print(f"the server has no deployment {deployment}: `make up` deploys what is here", file=sys.stderr)
        return 1
    print(f"run {run.name}: {_address(run.id)}", flush=True)
    try:
        return _watch(run.id)
    except KeyboardInterrupt:
        print(f"it goes on; cancel it with: prefect flow-run cancel {run.id}", file=sys.stderr)
        return 130


def _watch(run_id: Any) -> int:
    log = _RunLogs(run_id)
    with get_client(sync_client=True) as client:
        while True:
            state = client.read_flow_run(run_id).state  # before its lines: none is missed of a run that ended
            log.show(client)
            if state is not None and state.is_final():
                message = "" if state.is_completed() else state.message
                print(": ".join(filter(None, (state.name, message))))
                print(f"the run: {_address(run_id)}")
                return 0 if state.is_completed() else 1
            time.sleep(_POLL_SECONDS)


class _RunLogs:
    """The logs of a run and of the runs of its stages, shown line by line as they come."""

    def __init__(self, run_id: Any) -> None:
        self._run_id = run_id
        self._shown: dict[Any, Any] = {}  # run -> time of its last line that was shown; each machine has its clock

    def show(self, client: Any) -> None:
        """Print what came since."""
        self._show(client, self._run_id, "")
        tags = FlowRunFilterTags(all_=[f"pipeline-run:{self._run_id}"])
        for stage in client.read_flow_runs(flow_run_filter=FlowRunFilter(tags=tags)):
            self._show(client, stage.id, f"{stage.name} | ")

    def _show(self, client: Any, run_id: Any, before: str) -> None:
        since = self._shown.get(run_id)
        wanted = LogFilter(
            flow_run_id=LogFilterFlowRunId(any_=[run_id]), timestamp=LogFilterTimestamp(after_=since) if since else None
        )
        for log in client.read_logs(wanted, limit=200, sort=LogSort.TIMESTAMP_ASC):
            if since is None or log.timestamp > since:
                self._shown[run_id] = since = log.timestamp
                if not log.message.startswith(_OF_PREFECT):
                    print("\n".join(before + line for line in log.message.splitlines()), flush=True)


def _address(run_id: Any) -> str:
    """Where a browser shows the run."""
    return f"{str(get_current_settings().api.url).removesuffix('/api')}/runs/flow-run/{run_id}"
