"""What commands, server and workers find in their environment: which server, which remotes, and no secret too many.

Imports no Prefect, which reads its settings from the environment once, when it is imported.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from flows.server import services
from flows.server.deploy import CODE
from flows.support.python_path import this_python_first
from flows.support.secrets import without_credentials
from flows.support.settings import Settings, from_environment


def variables(settings: Settings, home: Path) -> dict[str, str]:
    """Environment of server, workers and whoever talks to them."""
    host = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104
    api = f"http://{host}:{settings.port}/api"
    made = {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_UI_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(services.HEARTBEAT_SECONDS),
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "PREFECT_CLIENT_MAX_RETRIES": "10",
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "CXR_PROJECT": str(settings.project),
        "PYTHONPATH": str(CODE),
        "CXR_GIT": settings.git,
        "CXR_PRODUCTION": str(settings.production),
        "PATH": this_python_first(),
    }
    if store := remote(settings, home):
        made["CXR_REMOTE"] = store
    if settings.auth:
        made |= {"PREFECT_SERVER_API_AUTH_STRING": settings.auth, "PREFECT_API_AUTH_STRING": settings.auth}
    return {**{name: value for name, value in os.environ.items() if name != "CXR_AUTH"}, **made}


def for_workers(environment: dict[str, str]) -> dict[str, str]:
    """The environment without what only the server needs: its database and its own side of the password."""
    return {
        name: value
        for name, value in environment.items()
        if "DATABASE" not in name and name != "PREFECT_SERVER_API_AUTH_STRING"
    }


def at_home() -> Settings:
    """Settings for a command that works without a server: where the project names no DVC remote, that of `make up`."""
    settings = from_environment()
    os.environ["CXR_GIT"] = settings.git
    if store := remote(settings, settings.own_home()):
        os.environ["CXR_REMOTE"] = store
    return from_environment()


def remote(settings: Settings, home: Path) -> str | None:
    """The DVC remote: a setting's, or the project's own (None), or a folder where the project has none."""
    if settings.remote:
        return settings.remote
    shown = subprocess.run(
        [sys.executable, "-m", "dvc", "remote", "default"], cwd=settings.project, capture_output=True
    )
    return None if shown.returncode == 0 and shown.stdout.strip() else str(home / "store")


def use_own_server(settings: Settings) -> None:
    """Name the server of `make up` in this process's environment, with its password, unless one is named already."""
    if not os.environ.get("PREFECT_API_URL"):
        os.environ.update(variables(settings, settings.own_home()))


def run_deployment(deployment: str, parameters: dict[str, Any], settings: Settings) -> int:
    """Start a run of a deployment and show its log; exit status as `flows.server.follow` gives it.

    1 and a line where no server answers.
    """
    use_own_server(settings)
    api = os.environ["PREFECT_API_URL"]
    if not services.answers(api):
        print(f"no Prefect server answers at {without_credentials(api)}: `make up` starts one here", file=sys.stderr)
        return 1
    from flows.server.follow import follow

    return follow(deployment, parameters)
