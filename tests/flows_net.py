"""Three machines that share only a network, for tests: namespaces with a home, a cache and workspaces of their own.

One has the `cpu` pool, two have `gpu`. The server is on PostgreSQL, the git remote a git daemon, the DVC remote S3
(`rclone serve s3`) or SSH (`sshd` with a key of its own). Needs root, PostgreSQL and rclone or sshd;
docs/how-to/prefect-team.md has the commands that fetch what a plain Debian machine lacks.
"""
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows import services, up
from tests.flows_project import Project
from tests.flows_team import Team, team, until

BRIDGE, HUB = "cxrbr0", "10.177.0.1"
MACHINES = {"cpu-one": ("cpu", 2), "gpu-one": ("gpu", 3), "gpu-two": ("gpu", 4)}
DATABASE_PORT, S3_PORT, GIT_PORT, SSH_PORT = 55432, 55433, 55434, 55435
DATABASE_WORD, S3_WORD = "word-of-the-database", "flows-secret-word"
S3 = {"AWS_ACCESS_KEY_ID": "flows", "AWS_SECRET_ACCESS_KEY": S3_WORD, "AWS_DEFAULT_REGION": "us-east-1",
      "AWS_ENDPOINT_URL": f"http://{HUB}:{S3_PORT}"}


@dataclass(frozen=True)
class Net:
    """The machines' folders, by name."""

    project: Project
    team: Team
    homes: dict[str, Path]

    def worker(self, name: str) -> int:
        """Pid of a machine's worker."""
        pid = services.running(f"worker-{name}", self.homes[name])
        assert pid is not None, f"the worker of {name} is gone"
        return pid

    def machine_of(self, run: str) -> str:
        """Machine that took a flow run, by its worker's log; empty where none has."""
        return next((name for name, home in self.homes.items()
                     if run in (home / f"worker-{name}.log").read_text(errors="replace")), "")


def program(*names: str) -> str:
    """Path of the first program found; the test is skipped where there is none."""
    for name in names:
        debian = (str(path) for path in (Path("/usr/sbin") / name, *Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
                  if path.exists())
        if found := shutil.which(name) or next(debian, None):
            return found
    pytest.skip(f"{' or '.join(names)} is not installed (docs/how-to/prefect-team.md)")


def rows(query: str) -> str:
    """What the server's database answers to a query."""
    ask = [program("psql"), "-h", HUB, "-p", str(DATABASE_PORT), "-U", "prefect", "-d", "prefect", "-tAc", query]
    return subprocess.run(ask, check=True, capture_output=True, text=True,
                          env={**os.environ, "PGPASSWORD": DATABASE_WORD}).stdout.strip()


def ip(*words: str, check: bool = True) -> None:
    """Run iproute2's `ip`."""
    subprocess.run(["ip", *words], check=check, capture_output=True)


@contextmanager
def machines(project: Project, top: Path, remote: str = "s3") -> Iterator[Net]:
    """Everything up, below `top`; git remote and DVC remote must lie there too. `remote`: s3 or ssh."""
    daemon = ["git", "daemon", "--reuseaddr", f"--base-path={top}", "--export-all", "--enable=receive-pack",
              f"--listen={HUB}", f"--port={GIT_PORT}"]
    with ExitStack() as stack:
        stack.enter_context(_namespaces())
        database = stack.enter_context(_postgres())
        own = stack.enter_context(_s3(top) if remote == "s3" else _ssh(top))
        stack.enter_context(_serving(daemon, GIT_PORT))
        shared = {**own, "CXR_GIT": f"git://{HUB}:{GIT_PORT}/{project.git.relative_to(top)}", "CXR_HOST": HUB,
                  "PREFECT_API_DATABASE_CONNECTION_URL": database, "CXR_POOLS_HERE": ""}
        made = stack.enter_context(team(project, top, **shared))
        yield Net(project, made, {name: _machine(made, name, pool) for name, (pool, _) in MACHINES.items()})


def _machine(made: Team, name: str, pool: str) -> Path:
    """Start a worker inside a machine's namespace, with nothing of the other machines' folders in its environment."""
    home = made.home.parent / name
    home.mkdir()
    if (key := made.home.parent / "ssh" / "user").exists():
        (home / ".ssh").mkdir(mode=0o700)
        shutil.copy(key, home / ".ssh" / "id_ed25519")
        host = (key.parent / "host.pub").read_text().split()
        (home / ".ssh" / "known_hosts").write_text(f"[{HUB}]:{SSH_PORT} {host[0]} {host[1]}\n")
    environment = {**up.for_workers(made.environment), "CXR_HOME": str(home), "HOME": str(home),
                   "PREFECT_HOME": str(home / "prefect"), "CXR_PRODUCTION": str(home / "production"), "MACHINE": name,
                   "PREFECT_WORKER_QUERY_SECONDS": "5"}  # with 2, a worker that is cut off gives up after 90 s
    command = ["ip", "netns", "exec", name, *up.worker(pool, name)]
    services.start(f"worker-{name}", command, home, environment)
    made.extra.append((f"worker-{name}", home))
    return home


@contextmanager
def _namespaces() -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    _clear()
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
        _clear()


def _clear() -> None:
    """Take away all that is ours; a namespace lives on while a process is in it, so its cable is cut first."""
    for name in MACHINES:
        ip("link", "del", f"v-{name}", check=False)
        ip("netns", "del", name, check=False)
    ip("link", "del", BRIDGE, check=False)


@contextmanager
def _serving(command: list[str], port: int) -> Iterator[None]:
    with (Path(tempfile.gettempdir()) / f"flows-{port}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
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
def _s3(top: Path) -> Iterator[dict[str, str]]:
    rclone = os.environ.get("RCLONE") or program("rclone")
    (top / "bucket-store" / "cxr").mkdir(parents=True)
    server = [rclone, "serve", "s3", str(top / "bucket-store"), "--addr", f"{HUB}:{S3_PORT}",
              "--auth-key", f"{S3['AWS_ACCESS_KEY_ID']},{S3_WORD}"]
    with _serving(server, S3_PORT):
        yield {**S3, "CXR_REMOTE": "s3://cxr/store"}


@contextmanager
def _ssh(top: Path) -> Iterator[dict[str, str]]:
    """A server that knows one key, and whose own key the machines know."""
    sshd, folder = program("sshd"), top / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    config = folder / "config"
    config.write_text(f"Port {SSH_PORT}\nListenAddress {HUB}\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
                      f"AuthorizedKeysFile {folder}/user.pub\nStrictModes no\nPasswordAuthentication no\n"
                      "PermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\nMaxStartups 100\n"
                      "MaxSessions 100\n")
    Path("/run/sshd").mkdir(exist_ok=True)
    (top / "ssh-store").mkdir()
    with _serving([sshd, "-D", "-e", "-f", str(config)], SSH_PORT):
        yield {"CXR_REMOTE": f"ssh://root@{HUB}:{SSH_PORT}{top}/ssh-store"}


@contextmanager
def _postgres() -> Iterator[str]:
    """Address of a database server of our own. It refuses to run as root, so it runs as nobody, and its folder is not
    pytest's, whose next session would close the folders above it to others.
    """
    folder = Path(tempfile.mkdtemp(prefix="flows-database-"))
    os.chown(folder, 65534, 65534)
    nobody = [program("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]
    word = folder / "word"
    word.write_text(f"{DATABASE_WORD}\n")
    word.chmod(0o644)
    initdb = [*nobody, program("initdb"), "-D", str(folder / "data"), "-U", "prefect", f"--pwfile={word}",
              "--auth-host=scram-sha-256", "--auth-local=trust", "-E", "UTF8"]
    try:
        subprocess.run(initdb, check=True, capture_output=True, cwd="/")
        with (folder / "data" / "pg_hba.conf").open("a") as access:
            access.write("host all all 10.177.0.0/24 scram-sha-256\n")
        server = [*nobody, program("postgres"), "-D", str(folder / "data"), "-p", str(DATABASE_PORT),
                  "-c", f"listen_addresses={HUB}", "-k", str(folder)]
        with _serving(server, DATABASE_PORT):
            create = [program("psql"), "-h", HUB, "-p", str(DATABASE_PORT), "-U", "prefect", "-d", "postgres", "-c",
                      "CREATE DATABASE prefect"]
            subprocess.run(create, check=True, capture_output=True, env={**os.environ, "PGPASSWORD": DATABASE_WORD})
            yield f"postgresql+asyncpg://prefect:{DATABASE_WORD}@{HUB}:{DATABASE_PORT}/prefect"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
