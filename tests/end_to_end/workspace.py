"""A workspace of its own for a test: this checkout's sources in a fresh git and DVC repository, with a small preset."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from flows.lockfile import outputs_of

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("stages", "flows", "presets", "dvc.yaml", ".dvcignore", ".gitignore", "pyproject.toml", "Makefile",
           "data/raw/dvc.yaml", "models/scratch.json")

SLOW_DISK = """import os, time
wait = os.fsync
os.fsync = lambda descriptor: time.sleep(0.5) or wait(descriptor)
"""


class Workspace:
    """A folder in which the pipeline runs."""

    def __init__(self, folder: Path, preset: str = "tiny", cache: Path | None = None) -> None:
        self.folder = folder
        self.processor_seconds: dict[str, float] = {}  # processor time of each stage, see `timed_repro`
        self.to_first_checkpoint = 0.0  # processor seconds of `train`
        self.environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1",
                            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        self.environment.pop("CXR_CACHE", None)
        if cache:
            self.environment["CXR_CACHE"] = str(cache)
        for name in SOURCES:
            self._copy(ROOT / name, folder / name)
        shutil.copy(folder / "presets" / f"{preset}.yaml", folder / "params.yaml")
        if preset == "tiny":  # pruning, too: it trains, so that a kill may hit it
            self.edit("variants: [int8]", "variants: [pruned, int8]")
        self.run("git", "init", "-q")
        self.run("git", "config", "user.email", "test@localhost")
        self.run("git", "config", "user.name", "test")
        self.run(sys.executable, "-m", "dvc", "init", "-q")
        self._copy(ROOT / ".dvc/plots", folder / ".dvc/plots")
        self.run(sys.executable, "-m", "dvc", "config", "core.analytics", "false")
        self.run("git", "add", "-A")
        self.run("git", "commit", "-qm", "start")

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run a command in the workspace, its output captured."""
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        if check and done.returncode:
            raise AssertionError(f"{command}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def repro(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """`dvc repro`."""
        return self.run(sys.executable, "-m", "dvc", "repro", *arguments, check=check)

    def edit(self, old: str, new: str, name: str = "params.yaml") -> None:
        """Replace a text that stands exactly once in a file."""
        path = self.folder / name
        text = path.read_text()
        assert text.count(old) == 1, (old, text.count(old))
        path.write_text(text.replace(old, new))

    def outputs(self) -> dict[str, str]:
        """Output path to hash, by the lock files."""
        return outputs_of(self.folder)

    def start(self, slow_disk: bool = False) -> subprocess.Popen:
        """`dvc repro` in a process group of its own, output to repro.log. On a slow disk each file is half-written for
        half a second."""
        environment = dict(self.environment)
        if slow_disk:
            folder = self.folder.with_name("slow-disk")
            folder.mkdir(exist_ok=True)
            (folder / "sitecustomize.py").write_text(SLOW_DISK)
            environment["PYTHONPATH"] = f"{folder}{os.pathsep}{environment['PYTHONPATH']}"
        log = (self.folder / ".repro.log").open("ab")
        return subprocess.Popen([sys.executable, "-m", "dvc", "repro"], cwd=self.folder, env=environment,
                                stdout=log, stderr=log, start_new_session=True)

    def timed_repro(self) -> None:
        """`dvc repro` from start to end; what it took stands in `processor_seconds` and `to_first_checkpoint`.

        In processor time, which other work on the machine changes little: so that a kill meant for the middle of a
        stage falls there also where the machine is busier, or idler, than it was here.
        """
        child = self.start()
        while child.poll() is None:
            if stage := running_stage(child):
                self.processor_seconds[stage] = max(self.processor_seconds.get(stage, 0.0), stage_seconds(child))
                if stage == "train" and not self.to_first_checkpoint and self.checkpoints():
                    self.to_first_checkpoint = self.processor_seconds[stage]
            time.sleep(0.05)
        assert child.returncode == 0, self.log()

    def checkpoints(self, pattern: str = "step-*.ckpt") -> set[Path]:
        """The training's checkpoints, or other files beside them."""
        return set((self.folder / ".cache/checkpoints").glob(f"train-*/{pattern}"))

    def log(self) -> str:
        """What `start`ed runs printed."""
        return (self.folder / ".repro.log").read_text(errors="replace")


def group_members(group: int) -> list[tuple[int, str]]:
    """(pid, command line) of the living processes of a group."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if in_group(process, group) and (command := command_of(process, group)):
                found.append((int(process.name), command))
    return found


def in_group(process: Path, group: int) -> bool:
    """Whether a process (its folder below /proc) lives and is of a group."""
    fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[2]) == group and fields[0] not in "ZX"


def command_of(process: Path, group: int) -> str:
    """Its command line, waited for: there is none to be read while the kernel starts a program. Empty where it ends."""
    while not (words := (process / "cmdline").read_bytes()) and in_group(process, group):
        time.sleep(0.001)
    return words.replace(b"\0", b" ").decode()


def running_stage(child: subprocess.Popen) -> str | None:
    """The stage whose process lives in the child's group."""
    found = (re.search(r"-m stages\.(\w+)", command) for _, command in group_members(child.pid))
    return next((match[1] for match in found if match and match[1] != "params"), None)


def stage_seconds(child: subprocess.Popen) -> float:
    """Processor seconds of the stage that runs in the child's group, with its processes, so far."""
    ticks = 0
    for pid, command in group_members(child.pid):
        if pid != child.pid and " -m dvc " not in command:
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def kill_group(child: subprocess.Popen) -> None:
    """SIGKILL the whole group and wait until none of it lives."""
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    end = time.monotonic() + 20
    while group_members(child.pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not group_members(child.pid)
