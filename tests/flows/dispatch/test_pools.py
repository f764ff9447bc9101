"""Each stage goes to a pool that exists."""

from pathlib import Path

import yaml

from flows.dispatch import pools


def test_the_deployments_use_pools_that_are_made(root: Path) -> None:
    deployments = yaml.safe_load((root / "prefect.yaml").read_text())["deployments"]
    assert {d["work_pool"]["name"] for d in deployments} == set(pools.POOLS)
    assert {f"stage-{pool}" for pool in pools.POOLS} <= {d["name"] for d in deployments}
    assert (pools.pool("train"), pools.pool("data/raw/dvc.yaml:phantom")) == ("gpu", "cpu")
