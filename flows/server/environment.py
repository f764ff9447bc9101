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
from flows.support import settings
from flows.support.python_path import this_python_first


def variables(here: settings.Settings, home: Path) -> dict[str, str]:
    """Environment of server, workers and whoever talks to them."""
    api = f"http://{'127.0.0.1' if here.host == '0.0.0.0' else here.host}:{here.port}/api"  # noqa: S104
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
        "PATH": this_python_first(),
    }
    if store := remote(here, home):
        made["CXR_REMOTE"] = store
    if here.auth:
        made |= {"PREFECT_SERVER_API_AUTH_STRING": here.auth, "PREFECT_API_AUTH_STRING": here.auth}
    return {**{name: value for name, value in os.environ.items() if name != "CXR_AUTH"}, **made}


def for_workers(environment: dict[str, str]) -> dict[str, str]:
    """The environment without what only the server needs: its database and its own side of the password."""
    return {name: value for name, value in environment.items()
            if "DATABASE" not in name and name != "PREFECT_SERVER_API_AUTH_STRING"}


def at_home() -> settings.Settings:
    """Settings for a command that works without a server: where the project names no DVC remote, that of `make up`."""
    here = settings.from_environment()
    os.environ["CXR_GIT"] = here.git
    if store := remote(here, here.own_home()):
        os.environ["CXR_REMOTE"] = store
    return settings.from_environment()


def remote(here: settings.Settings, home: Path) -> str | None:
    """The DVC remote: a setting's, or the project's own (None), or a folder where the project has none."""
    if here.remote:
        return here.remote
    shown = subprocess.run([sys.executable, "-m", "dvc", "remote", "default"], cwd=here.project, capture_output=True)
    return None if shown.returncode == 0 and shown.stdout.strip() else str(home / "store")


def use_own_server(here: settings.Settings) -> None:
    """Name the server of `make up` in this process's environment, with its password, unless one is named already."""
    if not os.environ.get("PREFECT_API_URL"):
        os.environ.update(variables(here, here.own_home()))


def run_deployment(deployment: str, parameters: dict[str, Any], here: settings.Settings) -> int:
    """Start a run of a deployment and show its log; exit status as `flows.server.follow` gives it."""
    use_own_server(here)
    from flows.server.follow import follow

    return follow(deployment, parameters)
