"""A real Prefect server with real workers for the miniature project, for tests and benchmarks; needs minutes."""
import base64
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows import services, up
from tests.flows_project import Project

CODE = Path(__file__).resolve().parent.parent
AUTH = "admin:a word for tests"
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass
class Team:
    """Server at `port`, state in `home`, and the environment that `make up` gave its services."""

    project: Project
    home: Path
    port: int
    environment: dict[str, str]
    extra: list[tuple[str, Path]] = field(default_factory=list)

    def api(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request to the server; the answer's JSON."""
        headers = {"content-type": "application/json",
                   "authorization": "Basic " + base64.b64encode(AUTH.encode()).decode()}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 (our own server)
            f"{self.environment['PREFECT_API_URL']}{path}", data, headers, method=method)
        for pause in (1, 2, 4, 8, 16, 0):  # SQLite under several writers answers late, or with 503, now and then
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                    text = answer.read()
                return json.loads(text) if text else None
            except (urllib.error.HTTPError, TimeoutError) as error:
                if not pause or not (isinstance(error, TimeoutError) or error.code == 503):
                    raise
                time.sleep(pause)
        return None

    def submit(self, **parameters: Any) -> str:
        """Start a run of the pipeline deployment with these parameters set; its id."""
        deployment = self.api("GET", "/deployments/name/pipeline/pipeline")["id"]
        body = {"parameters": {"parameters": {key.replace("__", "."): value for key, value in parameters.items()}},
                "state": {"type": "SCHEDULED"}, "idempotency_key": uuid.uuid4().hex}  # asked again, it is one run
        return str(self.api("POST", f"/deployments/{deployment}/create_flow_run", body)["id"])

    def run(self, run: str) -> dict[str, Any]:
        """A flow run as the server has it."""
        found: dict[str, Any] = self.api("GET", f"/flow_runs/{run}")
        return found

    def attempts(self, run: str, stage: str) -> list[dict[str, Any]]:
        """Flow runs of a stage in a pipeline run, oldest first."""
        found = self.api("POST", "/flow_runs/filter", {
            "flow_runs": {"tags": {"all_": [f"pipeline-run:{run}"]}}, "sort": "START_TIME_ASC", "limit": 200})
        return sorted((r for r in found if r["name"].rpartition("-")[0] == stage), key=lambda r: r["name"])

    def ended(self, run: str, seconds: float = 900) -> dict[str, Any]:
        """The run once it ended for good; a crashed one is given time to be taken up again."""
        def look() -> dict[str, Any] | None:
            found = self.run(run)
            return found if found["state_type"] in FINAL - {"CRASHED"} else None

        return until(look, seconds, f"end of run {run}")

    def logs(self, run: str) -> str:
        """Messages of a run's log."""
        found = self.api("POST", "/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 200,
                                                  "sort": "TIMESTAMP_ASC"})
        return "\n".join(log["message"] for log in found)

    def worker(self, pool: str, name: str, **variables: str) -> None:
        """Start one more worker, a machine of its own: own cache, own workspaces."""
        home = self.home.parent / name
        home.mkdir(exist_ok=True)
        environment = {**up.for_workers(self.environment), "CXR_HOME": str(home), "MACHINE": name, **variables}
        services.start(f"worker-{name}", up.worker(pool, name), home, environment)
        self.extra.append((f"worker-{name}", home))


def until(look: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of `look`; AssertionError with what was waited for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.5)
    raise AssertionError(f"waited {seconds} s in vain for: {what}")


def engines(run: str) -> list[int]:
    """Pids of the processes that run a flow run's flow."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if (process.name.isdigit() and b"prefect.engine" in (process / "cmdline").read_bytes()
                    and f"PREFECT__FLOW_RUN_ID={run}".encode() in (process / "environ").read_bytes()):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def alive(pid: int) -> bool:
    """Whether a process lives (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def stage_pids(project: Project, stage: str) -> list[int]:
    """Pids of a stage's command and of the children it names, from the log of what ran."""
    lines = [line.split() for line in project.ran.read_text().splitlines()] if project.ran.exists() else []
    own = [int(words[2]) for words in lines if words[:2] == ["start", stage]]
    return own + [int(words[0].partition(":")[2]) for words in lines
                  if words[0].startswith("grandchild:") and words[1] == stage]


def free_port() -> int:
    """A port that nobody has: below those that the kernel gives out, so that nobody gets it until it is taken."""
    for port in random.sample(range(20_000, 32_000), 1000):
        with socket.socket() as place, contextlib.suppress(OSError):
            place.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


@contextmanager
def team(project: Project, top: Path, **variables: str) -> Iterator[Team]:
    """`make up` for a project, with authentication; everything is stopped at the end."""
    port, home = free_port(), top / "first"
    extra: list[tuple[str, Path]] = []
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT", "CXR_"))}
    given = {**clean, **project.environment(home), "CXR_PORT": str(port), "CXR_AUTH": AUTH,
             "CXR_PATIENCE_SECONDS": "300", "PYTHONPATH": str(CODE), **variables}
    try:
        ended = subprocess.run([sys.executable, "-m", "flows.up"], cwd=CODE, env=given, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        script = "import json, pathlib; from flows import settings, up; print(json.dumps(" \
                 f"up.variables(settings.from_environment(), pathlib.Path({str(home)!r}))))"
        shown = subprocess.run([sys.executable, "-c", script], cwd=CODE, env=given, capture_output=True, text=True,
                               check=True)
        yield Team(project, home, port, json.loads(shown.stdout), extra)
    finally:
        for name, folder in extra:
            services.stop(name, folder)
        subprocess.run([sys.executable, "-m", "flows.down"], cwd=CODE, env=given, check=False)
        _end_engines(top)


def _end_engines(top: Path) -> None:
    """Flows outlive a killed worker by design; a test's must not outlive the test. All machines' homes lie in `top`."""
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and f"CXR_HOME={top}/".encode() in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue
