"""Three machines that share only a network: namespaces with a cache, a home and workspaces of their own each.

One has the `cpu` pool, two have `gpu`. The server is on PostgreSQL, the DVC remote is S3 (`rclone serve s3`), the git
remote a git daemon; all are reached over the network, with authentication. Needs root (for the namespaces), PostgreSQL
and rclone; docs/how-to/prefect-team.md has the command that fetches what a plain Debian machine lacks.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows import lockfile, objects, services, up
from tests.flows_project import Project, git, make
from tests.flows_team import Team, team, until

pytestmark = pytest.mark.slow
BRIDGE, HUB = "cxrbr0", "10.177.0.1"
MACHINES = {"cpu-one": ("cpu", 2), "gpu-one": ("gpu", 3), "gpu-two": ("gpu", 4)}
DATABASE_PORT, S3_PORT, GIT_PORT = 55432, 55433, 55434
S3 = {"AWS_ACCESS_KEY_ID": "flows", "AWS_SECRET_ACCESS_KEY": "flows-secret-word", "AWS_DEFAULT_REGION": "us-east-1",
      "AWS_ENDPOINT_URL": f"http://{HUB}:{S3_PORT}"}


@dataclass(frozen=True)
class Net:
    """The machines' folders, by name."""

    project: Project
    team: Team
    homes: dict[str, Path]


def program(*names: str) -> str:
    """Path of the first program found; the test is skipped where there is none."""
    for name in names:
        debian = (str(path) for path in Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        if found := shutil.which(name) or next(debian, None):
            return found
    pytest.skip(f"{' or '.join(names)} is not installed (docs/how-to/prefect-team.md)")


def ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True)


@contextmanager
def namespaces() -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    try:
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{HUB}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for name, (_, last) in MACHINES.items():
            ip("netns", "add", name)
            ip("link", "add", f"v-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", f"v-{name}", "master", BRIDGE, "up")
            ip("-n", name, "addr", "add", f"10.177.0.{last}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for name in MACHINES:
            ip("netns", "del", name, check=False)
        ip("link", "del", BRIDGE, check=False)


@contextmanager
def serving(command: list[str], port: int, environment: dict[str, str] | None = None) -> Iterator[None]:
    with (Path(tempfile.gettempdir()) / f"flows-{port}.log").open("w") as log:
        process = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=log, stderr=log)
    try:
        until(lambda: _listens(port), 60, f"{command[0]} to listen on {port}")
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HUB, port)) == 0


@contextmanager
def postgres(top: Path) -> Iterator[str]:
    """Address of a database server of our own; it refuses to run as root, so it runs as nobody."""
    folder = top / "database"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    nobody = [program("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]
    word = top / "word"
    word.write_text("word-of-the-database\n")
    word.chmod(0o644)
    initdb = [*nobody, program("initdb"), "-D", str(folder / "data"), "-U", "prefect", f"--pwfile={word}",
              "--auth-host=scram-sha-256", "--auth-local=trust", "-E", "UTF8"]
    subprocess.run(initdb, check=True, capture_output=True, cwd="/")
    with (folder / "data" / "pg_hba.conf").open("a") as access:
        access.write("host all all 10.177.0.0/24 scram-sha-256\n")
    server = [*nobody, program("postgres"), "-D", str(folder / "data"), "-p", str(DATABASE_PORT),
              "-c", f"listen_addresses={HUB}", "-k", str(folder)]
    with serving(server, DATABASE_PORT):
        create = [program("psql"), "-h", HUB, "-p", str(DATABASE_PORT), "-U", "prefect", "-d", "postgres", "-c",
                  "CREATE DATABASE prefect"]
        password = word.read_text().strip()
        subprocess.run(create, check=True, capture_output=True, env={**os.environ, "PGPASSWORD": password})
        yield f"postgresql+asyncpg://prefect:{password}@{HUB}:{DATABASE_PORT}/prefect"


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    top = tmp_path_factory.mktemp("net")
    for folder in (top, *top.parents):
        if folder.name.startswith("pytest-"):
            folder.chmod(0o755)  # the database's user passes through
    top.chmod(0o755)
    rclone = os.environ.get("RCLONE") or program("rclone")
    (top / "bucket-store" / "cxr").mkdir(parents=True)
    s3 = [rclone, "serve", "s3", str(top / "bucket-store"), "--addr", f"{HUB}:{S3_PORT}",
          "--auth-key", f"{S3['AWS_ACCESS_KEY_ID']},{S3['AWS_SECRET_ACCESS_KEY']}"]
    daemon = ["git", "daemon", "--reuseaddr", f"--base-path={top}", "--export-all", "--enable=receive-pack",
              f"--listen={HUB}", f"--port={GIT_PORT}"]
    with ExitStack() as stack:
        stack.enter_context(namespaces())
        database = stack.enter_context(postgres(top))
        stack.enter_context(serving(s3, S3_PORT))
        stack.enter_context(serving(daemon, GIT_PORT))
        project = make(top / "p")
        shared = {**S3, "CXR_REMOTE": "s3://cxr/store", "CXR_GIT": f"git://{HUB}:{GIT_PORT}/p/git", "CXR_HOST": HUB,
                  "PREFECT_API_DATABASE_CONNECTION_URL": database, "CXR_POOLS_HERE": ""}
        made = stack.enter_context(team(project, top, **shared))
        homes = {name: _machine(made, name, pool) for name, (pool, _) in MACHINES.items()}
        yield Net(project, made, homes)


def _machine(made: Team, name: str, pool: str) -> Path:
    """Start a worker inside a machine's namespace, with nothing of the other machines' folders in its environment."""
    home = made.home.parent / name
    home.mkdir()
    shared = {key: value for key, value in made.environment.items() if "DATABASE" not in key}
    environment = {**shared, "CXR_HOME": str(home), "HOME": str(home), "PREFECT_HOME": str(home / "prefect"),
                   "MACHINE": name}
    command = ["ip", "netns", "exec", name, *up.worker(pool, name)]
    services.start(f"worker-{name}", command, home, environment)
    made.extra.append((f"worker-{name}", home))
    return home


def where(project: Project) -> dict[str, str]:
    """Stage to the machine that ran it."""
    lines = [line.split() for line in project.ran.read_text().splitlines() if line.startswith("start ")]
    return {words[1]: words[3] for words in lines if words[1] != "check"}


def test_the_pipeline_over_three_machines_makes_the_bytes_of_a_local_repro(net: Net, tmp_path: Path) -> None:
    run = net.team.submit(train__seconds=8.0, compress__seconds=0.1)
    ended = net.team.ended(run)
    assert ended["state_type"] == "COMPLETED", net.team.logs(run)
    ran = where(net.project)
    assert {ran["phantom"], ran["ingest"], ran["preprocess"], ran["report"]} == {"cpu-one"}
    assert ran["train"].startswith("gpu") and ran["compress"].startswith("gpu") and ran["explain"].startswith("gpu")

    tag = git(net.project.git, "tag")
    clone = tmp_path / "local"
    git(tmp_path, "clone", "-q", "-b", tag, str(net.project.git), str(clone))
    recorded = lockfile.committed(clone)
    raw = recorded["data/raw/phantom"]
    for name in ("gpu-one", "gpu-two"):
        assert not objects.path_of(net.homes[name] / "dvc-cache", raw).exists(), f"{name} pulled the raw images"
    git(clone, "rm", "-q", "--cached", "dvc.lock", "data/raw/dvc.lock")
    for lock in lockfile.LOCKS:
        (clone / lock).unlink()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=clone, check=True,
                   env={**os.environ, "PATH": path, "RAN": str(tmp_path / "ran")})
    assert lockfile.differences(recorded, lockfile.outputs_of(clone)) == []


def test_a_stage_is_taken_by_the_other_gpu_machine_when_the_first_is_gone(net: Net) -> None:
    net.project.forget()
    run = net.team.submit(train__seconds=40.0)
    until(lambda: "train" in (where(net.project) if net.project.ran.exists() else {}), 400, "training to start")
    first = where(net.project)["train"]
    ip("netns", "exec", first, "ip", "link", "set", "eth0", "down")  # a partition: it lives, nobody hears of it
    ended = net.team.ended(run, 1200)
    assert ended["state_type"] == "COMPLETED", net.team.logs(run)
    second = where(net.project)["train"]
    assert second.startswith("gpu") and second != first
    attempts = net.team.attempts(run, "train")
    assert len(attempts) == 2 and attempts[0]["state_type"] == "CRASHED"
    ip("netns", "exec", first, "ip", "link", "set", "eth0", "up")


def test_a_cron_schedule_really_fires(net: Net) -> None:
    deployment = net.team.api("GET", "/deployments/name/pipeline/pipeline")["id"]
    made = net.team.api("POST", f"/deployments/{deployment}/schedules", [
        {"active": True, "schedule": {"cron": "* * * * *", "timezone": "UTC"}}])

    def fired() -> object:
        runs = net.team.api("POST", "/flow_runs/filter", {"limit": 50, "sort": "START_TIME_DESC", "flow_runs": {
            "deployment_id": {"any_": [deployment]}, "state": {"type": {"any_": ["COMPLETED"]}}}})
        return [run for run in runs if run["auto_scheduled"]]

    try:
        assert until(fired, 400, "a scheduled run to complete")
    finally:
        net.team.api("DELETE", f"/deployments/{deployment}/schedules/{made[0]['id']}")
        time.sleep(1)


