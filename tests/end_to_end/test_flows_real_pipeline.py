"""The real pipeline (preset tiny) over three machines: the bytes of a plain `dvc repro`, raw images on one only."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr.runtime.dvc_lock import object_path
from flows.repo import lockfile
from tests.fixtures.flows_net import Net, machines
from tests.fixtures.flows_project import Project, git
from tests.fixtures.flows_team import until
from tests.fixtures.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    top = tmp_path_factory.mktemp("real")
    checkout = Workspace(top / "checkout").folder
    git(top, "init", "-q", "--bare", "-b", "main", str(top / "git"))
    git(checkout, "remote", "add", "origin", str(top / "git"))
    git(checkout, "push", "-q", "origin", "HEAD:main")
    with machines(Project(checkout, top / "git", top / "store", top / "ran.log"), top) as made:
        yield made


def taken(net: Net, run: str, stage: str) -> str:
    """Wait for a stage to run; the machine that took it."""

    def look() -> str:
        attempts = net.team.attempts(run, stage)
        state = net.team.run(run)["state_type"]
        assert state not in ("FAILED", "CANCELLED"), net.team.logs(run)
        return (
            net.machine_of(attempts[-1]["id"])
            if attempts and attempts[-1]["state_type"] in ("RUNNING", "COMPLETED")
            else ""
        )

    return str(until(look, 900, f"{stage} to run"))


def members(store: Path, listing: str) -> list[str]:
    """Hashes of the files in a folder's object."""
    return [str(member["md5"]) for member in json.loads(object_path(store, listing).read_text())]


def test_trained_on_one_gpu_machine_compressed_on_the_other_the_bytes_are_those_of_a_local_repro(
    net: Net, tmp_path: Path
) -> None:
    run = net.team.submit()
    trained_on = taken(net, run, "train")
    os.kill(net.worker(trained_on), signal.SIGSTOP)  # its flow goes on; it takes no other stage
    compressed_on = taken(net, run, "compress")
    os.kill(net.worker(trained_on), signal.SIGCONT)
    assert {trained_on, compressed_on} == {"gpu-one", "gpu-two"}
    assert net.team.ended(run)["state_type"] == "COMPLETED", net.team.logs(run)
    assert {
        net.machine_of(net.team.attempts(run, stage)[-1]["id"])
        for stage in ("phantom", "ingest", "validate", "preprocess", "evaluate", "report")
    } == {"cpu-one"}

    clone = tmp_path / "local"
    git(tmp_path, "clone", "-q", "-b", git(net.project.git, "tag"), str(net.project.git), str(clone))
    recorded = lockfile.committed(clone)
    caches = {name: home / "dvc-cache" for name, home in net.homes.items()}
    images = members(caches["cpu-one"], recorded["data/raw/phantom"])
    assert len(images) > 100
    for name in ("gpu-one", "gpu-two"):
        there = [md5 for md5 in images if object_path(caches[name], md5).exists()]
        assert there == [], f"{name} holds {len(there)} raw files"

    for lock in lockfile.LOCKS:
        (clone / lock).unlink()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("CXR_", "PREFECT"))}
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=clone, check=True, env={**plain, "PATH": path})
    made = lockfile.outputs_of(clone)
    assert len(made) > 15 and lockfile.differences(recorded, made) == []
