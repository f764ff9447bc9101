"""`python -m flows.server.deploy`: what a server needs of this project: work pools, deployments, automations.

`make up` does it for the server that it starts; this command does it for the server of PREFECT_API_URL. Schedules are
live where CXR_SCHEDULES=true. prefect.yaml is complete: plain `prefect deploy --all` takes it as it stands, with its
schedules off (the line `fire:`), and turns off those that are on.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import typer
import yaml

from cxr.runtime import command_line
from flows.support.settings import Settings, from_environment

CODE = Path(__file__).resolve().parents[2]  # holds flows/ and prefect.yaml


def settled(content: dict[str, Any], schedules: bool, cooldown: int) -> dict[str, Any]:
    """The file's content with every schedule `active` or not, and `within` of every trigger `cooldown` seconds."""
    deployments = []
    for deployment in content["deployments"]:
        changed = dict(deployment)
        if "schedules" in deployment:
            changed["schedules"] = [{**schedule, "active": schedules} for schedule in deployment["schedules"]]
        if "triggers" in deployment:
            changed["triggers"] = [{**trigger, "within": f"PT{cooldown}S"} for trigger in deployment["triggers"]]
        deployments.append(changed)
    return {**content, "deployments": deployments}


def write(source: Path, target: Path, schedules: bool, cooldown: int) -> Path:
    """Write `source` settled to `target`; `target`."""
    target.write_text(yaml.safe_dump(settled(yaml.safe_load(source.read_text()), schedules, cooldown), sort_keys=False))
    return target


def deploy(environment: dict[str, str], settings: Settings) -> bool:
    """Pools, deployments, automations, each put as it is here; whether schedules are live. CalledProcessError if
    refused."""
    fire, home = settings.schedules, settings.own_home()
    file = write(CODE / "prefect.yaml", home / "prefect.yaml", fire, _cooldown(settings.project))
    script = "from flows.server import automations, pools; pools.create(); automations.deploy()"
    subprocess.run([sys.executable, "-c", script], cwd=CODE, env=environment, check=True)
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
    ended = subprocess.run(command, cwd=CODE, env=environment, capture_output=True, text=True)
    if ended.returncode:
        print(ended.stdout + ended.stderr, file=sys.stderr)
    ended.check_returncode()
    return fire


def _cooldown(project: Path) -> int:
    """Seconds of retrain.cooldown_seconds in the project's params.yaml; an hour where it has none."""
    section = (yaml.safe_load((project / "params.yaml").read_text()) or {}).get("retrain") or {}
    return int(section.get("cooldown_seconds", 3600))


app = command_line.application()


@command_line.command(app, "0, 1 (no server is named, or it refuses), 2 (wrong command line)")
def deploy_here() -> None:
    """Deploy to the server of PREFECT_API_URL: work pools, deployments, automations."""
    raise typer.Exit(_deployed())


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m flows.server.deploy")


def _deployed() -> int:
    """0; 1 where no server is named or it refuses."""
    if not (server := os.environ.get("PREFECT_API_URL")):
        print(
            "set PREFECT_API_URL (and PREFECT_API_AUTH_STRING) to the server's; `make up` needs neither",
            file=sys.stderr,
        )
        return 1
    settings = from_environment()
    try:
        fire = deploy(dict(os.environ), settings)
    except subprocess.CalledProcessError:
        return 1
    print(f"{server}: deployed, schedules {'live' if fire else 'off (CXR_SCHEDULES=true deploys them live)'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
