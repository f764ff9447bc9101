"""prefect.yaml as `make up` deploys it: schedules live or not, and the cooldown of params.yaml.

The file itself is complete (`prefect deploy --all` takes it as it stands, schedules off); nothing else is changed here.
"""
from pathlib import Path
from typing import Any

import yaml


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
