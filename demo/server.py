"""Talks to the story's server: starts runs of deployments, waits for runs that start by themselves."""

import json
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

from demo.place import PORT

API = f"http://127.0.0.1:{PORT}/api"
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
_POLL_SECONDS = 2.0


def call(method: str, path: str, body: Any = None) -> Any:
    """One request; asked again while the database or the machine is busy. What is created carries a key of its own."""
    request = urllib.request.Request(  # noqa: S310 (our own server)
        f"{API}{path}",
        None if body is None else json.dumps(body).encode(),
        {"content-type": "application/json"},
        method=method,
    )
    for pause in (1, 2, 4, 8, 16, 32, 0):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                text = answer.read()
            return json.loads(text) if text else None
        except OSError as error:  # HTTPError and a timeout are OSErrors
            if not pause or (isinstance(error, urllib.error.HTTPError) and error.code != 503):
                raise SystemExit(f"demo: {API}{path}: {error}") from error
            time.sleep(pause)
    return None


def start(deployment: str, name: str, **parameters: Any) -> str:
    """Start a run of a deployment under a name that people will find in the browser; its id."""
    found = call("GET", f"/deployments/name/{deployment}")["id"]
    body = {
        "name": name,
        "parameters": parameters,
        "state": {"type": "SCHEDULED"},
        "idempotency_key": str(uuid.uuid4()),
    }
    return str(call("POST", f"/deployments/{found}/create_flow_run", body)["id"])


def ended(run: str, seconds: float = 1500) -> dict[str, Any]:
    """The run once it ended; SystemExit where it takes longer, or did not end well."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found: dict[str, Any] = call("GET", f"/flow_runs/{run}")
        if found["state_type"] in FINAL:
            if found["state_type"] != "COMPLETED":
                raise SystemExit(f"demo: run {found['name']} is {found['state_name']}: {found['state']['message']}")
            return found
        time.sleep(_POLL_SECONDS)
    raise SystemExit(f"demo: run {run} did not end in {seconds:.0f} s")


def runs(flow: str, since: str = "1970-01-01T00:00:00Z") -> list[dict[str, Any]]:
    """Runs of a flow created since a time, oldest first."""
    found: list[dict[str, Any]] = call(
        "POST",
        "/flow_runs/filter",
        {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_ASC", "limit": 200},
    )
    return [run for run in found if run["created"] >= since]


def appears(flow: str, since: str, seconds: float = 90) -> dict[str, Any]:
    """The first run of a flow that was created since; SystemExit where none comes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := runs(flow, since):
            return found[0]
        time.sleep(_POLL_SECONDS)
    raise SystemExit(f"demo: no run of {flow} started by itself within {seconds:.0f} s")
