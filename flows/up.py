"""`make up`: server on loopback, the pools `cpu` and `gpu` with a worker each, deployments, automations.

For one person on one machine; state lies in `.prefect/` of the project. docs/how-to/prefect-team.md is for more.
"""
import contextlib
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

from flows.dispatch.pools import GPU, POOLS
from flows.repo import git
from flows.server import deploy, services
from flows.server.deploy import CODE
from flows.support import settings

_START_SECONDS = 240


def main() -> int:
    """Start what is not running yet, say where it is; 1 where the server does not come up."""
    host, port = services.address()
    if services.is_open(host) and not os.environ.get("CXR_AUTH"):
        print(f"refused: CXR_HOST={host} opens the server to the network without a password; set CXR_AUTH=user:word",
              file=sys.stderr)
        return 1
    here = settings.from_environment()
    home = services.home(here.project)
    environment = variables(here, home)
    try:
        push_own(here)
    except git.NotPinned as error:
        print(error, file=sys.stderr)
    push_objects(here)
    server = ["-m", "prefect", "server", "start", "--host", host, "--port", str(port)]
    services.start("server", [sys.executable, *server], home, environment)
    if not _answers(environment["PREFECT_API_URL"]):
        print(f"the server does not answer; see {home / 'server.log'}", file=sys.stderr)
        return 1
    deploy.deploy(environment, here.project, home)
    for pool in os.environ.get("CXR_POOLS_HERE", " ".join(POOLS)).split():
        services.start(f"worker-{pool}", worker(pool), home, for_workers(environment))
    print(f"Prefect: {environment['PREFECT_API_URL'].removesuffix('/api')}  (logs and state: {home}; stop: make down)")
    print("run the pipeline on the workers: python -m flows.submit")
    return 0


def variables(here: settings.Settings, home: Path) -> dict[str, str]:
    """Environment of server, workers and whoever talks to them."""
    host, port = services.address()
    api = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/api"  # noqa: S104
    made = {
        "PREFECT_HOME": str(home), "PREFECT_API_URL": api, "PREFECT_SERVER_UI_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(services.HEARTBEAT_SECONDS), "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_CLIENT_MAX_RETRIES": "10",
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "CXR_PROJECT": str(here.project), "PYTHONPATH": str(CODE), "CXR_GIT": here.git,
        "CXR_PRODUCTION": str(here.production),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    if remote := _remote(here, home):
        made["CXR_REMOTE"] = remote
    if auth := os.environ.get("CXR_AUTH"):
        made |= {"PREFECT_SERVER_API_AUTH_STRING": auth, "PREFECT_API_AUTH_STRING": auth}
    return {**{name: value for name, value in os.environ.items() if name != "CXR_AUTH"}, **made}


def for_workers(environment: dict[str, str]) -> dict[str, str]:
    """The environment without what only the server needs: its database and its own side of the password."""
    return {name: value for name, value in environment.items()
            if "DATABASE" not in name and name != "PREFECT_SERVER_API_AUTH_STRING"}


def at_home() -> settings.Settings:
    """Settings for a command that works without a server: where the project names no DVC remote, that of `make up`."""
    here = settings.from_environment()
    os.environ["CXR_GIT"] = here.git
    if remote := _remote(here, services.home(here.project)):
        os.environ["CXR_REMOTE"] = remote
    return settings.from_environment()


def worker(pool: str, name: str = "") -> list[str]:
    """Command of a worker; one for GPUs takes one stage at a time."""
    limit = ["--limit", "1"] if pool == GPU else []
    return [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process",
            "--name", name or f"{pool}-{os.uname().nodename}", *limit]


def push_own(here: settings.Settings) -> None:
    """Where no git remote is named: a bare repository in `.prefect/git` is it, and holds what is committed here.

    NotPinned where its main holds commits that this checkout lacks (a promoted model).
    """
    if os.environ.get("CXR_GIT") or settings.origin(here.project) is not None:
        return
    hub = services.home(here.project) / "git"
    if not hub.exists():
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(hub)], check=True)
    try:
        git.git(here.project, "push", "-q", str(hub), "HEAD:refs/heads/main")
    except git.Rejected:
        raise git.NotPinned(
            f"main in {hub}, this checkout's git remote, holds commits that this checkout lacks (a promoted model, or "
            f"ones that were amended here): `git pull --rebase {hub} main` first") from None


def push_objects(here: settings.Settings) -> None:
    """Where the DVC remote is the project's own folder: make it, and put into it what this checkout has made.

    What it has not made is left out: the workers make that again.
    """
    store = services.home(here.project) / "store"
    if _remote(here, services.home(here.project)) != str(store):
        return
    store.mkdir(parents=True, exist_ok=True)
    from dvc.exceptions import UploadError
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)  # it would warn of each object that was not made here
    own = {"core": {"remote": "own"}, "remote": {"own": {"url": str(store)}}}
    with Repo(str(here.project), config=own) as repo, contextlib.suppress(UploadError):
        repo.push()


def _remote(here: settings.Settings, home: Path) -> str | None:
    """The DVC remote: a setting's, or the project's own (None), or a folder where the project has none."""
    if here.remote:
        return here.remote
    shown = subprocess.run([sys.executable, "-m", "dvc", "remote", "default"], cwd=here.project, capture_output=True)
    return None if shown.returncode == 0 and shown.stdout.strip() else str(home / "store")


def _answers(api: str) -> bool:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if services.answers(api):
            return True
        time.sleep(0.5)
    return False


if __name__ == "__main__":
    sys.exit(main())
