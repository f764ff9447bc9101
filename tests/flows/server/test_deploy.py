"""What a server is told to deploy."""

import json
from pathlib import Path

import yaml

from flows.server import deploy


def test_every_schedule_is_live_or_not_by_one_setting_and_the_file_alone_deploys_none_live(root: Path) -> None:
    content = yaml.safe_load((root / "prefect.yaml").read_text())

    def live(given: dict) -> dict[str, list[bool]]:
        return {d["name"]: [s["active"] for s in d["schedules"]] for d in given["deployments"] if "schedules" in d}

    named = {"pipeline", "score", "monitor", "retrain"}
    assert live(content) == {name: [False] for name in named}
    assert live(deploy.settled(content, True, 60)) == {name: [True] for name in named}
    triggers = [d["triggers"] for d in deploy.settled(content, False, 60)["deployments"] if "triggers" in d]
    assert [t["within"] for t in triggers[0]] == ["PT60S"]
    default = yaml.safe_load((root / "params.yaml").read_text())["retrain"]["cooldown_seconds"]
    assert deploy.settled(content, False, default) == content, "the file's cooldown is that of params.yaml"
    assert "$" not in json.dumps(content), "`prefect deploy --all` needs no variable"
