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

import typer

from cxr.runtime import command_line, progress
from flows.dispatch.pools import GPU, POOLS
from flows.repo import git
from flows.server import deploy, environment, services
from flows.support.settings import Settings, from_environment

_START_SECONDS = 240


app = command_line.application()


@command_line.command(app, "0, 1 (the server does not come up), 2 (wrong command line)")
def up() -> None:
    """Start a Prefect server on loopback, work pools with a worker each, and the deployments."""
    raise typer.Exit(_up())


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m flows.up")


def _up() -> int:
    """Start what is not running yet, say where it is; 1 where the server does not come up."""
    settings = from_environment()
    if services.is_open(settings.host) and not settings.auth:
        print(
            f"refused: CXR_HOST={settings.host} opens the server to the network without a password; set "
            "CXR_AUTH=user:word",
            file=sys.stderr,
        )
        return 1
    home = settings.own_home()
    given = environment.variables(settings, home)
    try:
        push_own(settings)
    except git.NotPinned as error:
        print(error, file=sys.stderr)
    with progress.heartbeat("up", "putting what was made here into the store") as beat:
        status = _start(settings, home, given, beat)
    if status == 0:
        print(f"Prefect: {given['PREFECT_API_URL'].removesuffix('/api')}  (logs and state: {home}; stop: make down)")
        print("run the pipeline on the workers: cxr run")
    return status


def _start(settings: Settings, home: Path, given: dict[str, str], beat: progress.Heartbeat) -> int:
    """Start store, server, deployments and workers, each as far as it is not there; the exit status."""
    push_objects(settings)
    beat.now("starting the server")
    server = ["-m", "prefect", "server", "start", "--host", settings.host, "--port", str(settings.port)]
    services.start("server", [sys.executable, *server], home, given)
    if not _answers(given["PREFECT_API_URL"]):
        print(f"the server does not answer; see {home / 'server.log'}", file=sys.stderr)
        return 1
    beat.now("deploying")
    deploy.deploy(given, settings)
    for pool in POOLS if settings.pools_here is None else settings.pools_here.split():
        services.start(f"worker-{pool}", worker(pool), home, environment.for_workers(given))
    return 0


def worker(pool: str, name: str = "") -> list[str]:
    """Command of a worker; one for GPUs takes one stage at a time."""
    limit = ["--limit", "1"] if pool == GPU else []
    return [
        sys.executable,
        "-m",
        "prefect",
        "worker",
        "start",
        "--pool",
        pool,
        "--type",
        "process",
        "--name",
        name or f"{pool}-{os.uname().nodename}",
        *limit,
    ]


def push_own(settings: Settings) -> None:
    """Where no git remote is named: a bare repository in `.prefect/git` is it, and holds what is committed here.

    NotPinned where its main holds commits that this checkout lacks (a promoted model).
    """
    if settings.git_is_named:
        return
    hub = settings.own_home() / "git"
    if not hub.exists():
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(hub)], check=True)
    try:
        git.git(settings.project, "push", "-q", str(hub), "HEAD:refs/heads/main")
    except git.Rejected:
        raise git.NotPinned(
            f"main in {hub}, this checkout's git remote, holds commits that this checkout lacks (a promoted model, or "
            f"ones that were amended here): `git pull --rebase {hub} main` first"
        ) from None


def push_objects(settings: Settings) -> None:
    """Where the DVC remote is the project's own folder: make it, and put into it what this checkout has made.

    What it has not made is left out: the workers make that again.
    """
    store = settings.own_home() / "store"
    if environment.remote(settings, settings.own_home()) != str(store):
        return
    store.mkdir(parents=True, exist_ok=True)
    from dvc.exceptions import UploadError
    from dvc.repo import Repo

    for name in ("dvc", "dvc_data"):  # they would warn of each object that was not made here
        logging.getLogger(name).setLevel(logging.ERROR)
    own = {"core": {"remote": "own"}, "remote": {"own": {"url": str(store)}}}
    with Repo(str(settings.project), config=own) as repo, contextlib.suppress(UploadError):
        repo.push()


def _answers(api: str) -> bool:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if services.answers(api):
            return True
        time.sleep(0.5)
    return False


if __name__ == "__main__":
    sys.exit(main())
