"""A miniature of the project for the tests of flows: the same stage names and graph, commands of milliseconds.

A git repository with a bare remote, a DVC remote in a local folder, no TensorFlow. Each stage appends its name to the
file in RAN (outside the workspace), waits SLEEP_<NAME> seconds and writes outputs made of its inputs and parameters.
"""
import subprocess
from dataclasses import dataclass
from pathlib import Path

import yaml

_STAGE = '''
import hashlib, json, os, pathlib, subprocess, sys, time, yaml
name, reads, writes = sys.argv[1], sys.argv[2].split(","), sys.argv[3].split(",")
log = pathlib.Path(os.environ["RAN"])
def say(word):
    with log.open("a") as stream:
        stream.write(f"{word} {name} {os.getpid()} {os.environ.get('MACHINE', 'here')}\\n")
say("start")
section = yaml.safe_load(open("params.yaml")).get(name, {})
if name == "check":
    pathlib.Path(writes[0]).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(writes[0]).write_text("params.yaml fits the schema\\n")
    sys.exit(0)
print(f"{name}: working", flush=True)
if section.get("fail") == "showing its environment":
    for item in os.environ.items():
        print(*item)
    print("https://me:a-word@host/x", flush=True)
if section.get("fail"):
    print(f"{name}: row 17 of labels.csv says 'Pneumonja'; mend it", file=sys.stderr)
    sys.exit(1)
seconds = float(os.environ.get("SLEEP_" + name.upper(), section.get("seconds", 0)))
if seconds:
    grandchild = subprocess.Popen(["sleep", str(seconds)])
    say(f"grandchild:{grandchild.pid}")
    for tenth in range(10):
        print(f"{name}: {tenth * 10}%|###| ", end="\\r", flush=True)
        time.sleep(seconds / 10)
def content(path):
    path = pathlib.Path(path)
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()
made = {"stage": name, "params": section, "reads": {r: content(r) for r in reads if r}}
for write in writes:
    path = pathlib.Path(write)
    path.parent.mkdir(parents=True, exist_ok=True)
    if name == "evaluate" and path.name == "evaluate.json":
        macro = 0.9 + section.get("epochs", 0) / 1000 + yaml.safe_load(open("params.yaml"))["train"]["epochs"] / 1000
        path.write_text(json.dumps({"base": {"auroc": {"macro": macro, "worst": 0.8}}, "made": made}, sort_keys=True))
    elif path.suffix:
        path.write_text(json.dumps(made | {"path": write}, sort_keys=True))
    else:
        path.mkdir()
        for part in ("card.json", "a.bin", *(["chain.json"] if path.name == "processed" else [])):
            (path / part).write_text(json.dumps(made | {"path": write, "part": part}, sort_keys=True))
        for at in range(section.get("megabytes", 0)):
            (path / f"big-{at}.bin").write_bytes(bytes([at]) * 2**20)
say("end")
'''

STAGES = {  # reads that stages make, writes
    "check": ([], ["data/params.ok"]),
    "ingest": (["data/params.ok", "data/raw/phantom"], ["data/manifest.parquet"]),
    "validate": (["data/manifest.parquet"], ["metrics/validate.json"]),
    "preprocess": (["data/manifest.parquet", "data/raw/phantom", "metrics/validate.json"], ["data/processed"]),
    "train": (["data/processed"], ["models/base", "metrics/train.json"]),
    "compress": (["data/processed", "models/base"], ["models/compressed"]),
    "evaluate": (["models/base", "models/compressed"], ["metrics/evaluate.json"]),
    "explain": (["models/base"], ["reports/overlays"]),
    "report": (["metrics/evaluate.json", "models/base/card.json", "reports/overlays"], ["reports/index.html"]),
}


@dataclass(frozen=True)
class Project:
    """Folders of a miniature project: checkout, bare git remote, DVC remote, log of what ran."""

    checkout: Path
    git: Path
    store: Path
    ran: Path

    def environment(self, machine: Path) -> dict[str, str]:
        """Variables for a machine whose own folders lie below `machine`."""
        return {"CXR_PROJECT": str(self.checkout), "CXR_GIT": str(self.git), "CXR_REMOTE": str(self.store),
                "CXR_HOME": str(machine), "RAN": str(self.ran), "MACHINE": machine.name, "CXR_PATIENCE_SECONDS": "20"}

    def runs(self) -> list[str]:
        """Names of the stages that started, in order."""
        lines = self.ran.read_text().splitlines() if self.ran.exists() else []
        return [line.split()[1] for line in lines if line.startswith("start ")]

    def forget(self) -> None:
        """Empty the log of what ran."""
        self.ran.unlink(missing_ok=True)

    def commit(self, message: str) -> str:
        """Commit all tracked changes and push; the commit."""
        git(self.checkout, "commit", "-qam", message)
        git(self.checkout, "push", "-q", "origin", "HEAD:main")
        return git(self.checkout, "rev-parse", "HEAD")

    def set(self, **sections: dict[str, object]) -> None:
        """Change sections of params.yaml."""
        path = self.checkout / "params.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **sections}))


def git(folder: Path, *arguments: str) -> str:
    """Run git; its output."""
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def make(top: Path, stages: list[str] | None = None) -> Project:
    """Make the project below `top`, with all stages or those named: committed, pushed, nothing run."""
    project = Project(top / "checkout", top / "git", top / "store", top / "ran.log")
    project.checkout.mkdir(parents=True)
    git(top, "init", "-q", "--bare", "-b", "main", str(project.git))
    for name, text in _files(stages or list(STAGES)).items():
        path = project.checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(project.checkout, "init", "-q", "-b", "main")
    for key, value in {"user.name": "t", "user.email": "t@localhost"}.items():
        git(project.checkout, "config", key, value)
    git(project.checkout, "remote", "add", "origin", str(project.git))
    git(project.checkout, "add", "-A")
    git(project.checkout, "commit", "-qm", "miniature")
    git(project.checkout, "push", "-q", "origin", "main")
    return project


def _files(kept: list[str]) -> dict[str, str]:
    made = {out for name in kept for out in STAGES[name][1]} | {"data/raw/phantom"}
    stages = {}
    for name in kept:
        reads = [read for read in STAGES[name][0] if read in made or read.startswith("models/base")]
        stages[name] = _stage(name, reads or ["data/manifest.parquet"] if name != "check" else [], STAGES[name][1])
    phantom = _stage("phantom", ["data/params.ok"], ["data/raw/phantom"])
    params: dict[str, object] = {name: {"fail": False, "seconds": 0.0} for name in [*kept, "phantom"]}
    params["train"] = {"epochs": 3, "fail": False, "megabytes": 0, "seconds": 0.0}
    outs = ["/data/params.ok", "/data/raw/phantom"] + ["/" + out for _, outs in STAGES.values() for out in outs]
    return {
        "dvc.yaml": yaml.safe_dump({"stages": stages}, sort_keys=False),
        "data/raw/dvc.yaml": yaml.safe_dump({"stages": {"phantom": {"wdir": "../..", **phantom}}}, sort_keys=False),
        "params.yaml": "# the miniature\n" + yaml.safe_dump(params),
        "work/stage.py": _STAGE,
        ".gitignore": "\n".join([*outs, ".runs", ".prefect", ""]),
        ".dvc/config": "[core]\n    analytics = false\n    check_update = false\n    autostage = false\n"
                       "[cache]\n    type = \"reflink,copy\"\n",
        ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
    }


def _stage(name: str, reads: list[str], writes: list[str]) -> dict[str, object]:
    outs: list[object] = [{out: {"cache": False}} if name == "check" else out for out in writes]
    deps = ["params.yaml"] if name == "check" else [*reads, "work/stage.py"]
    stage: dict[str, object] = {"cmd": f"python work/stage.py {name} {','.join(reads) or ','} {','.join(writes)}",
                                "deps": deps, "outs": outs}
    return stage if name == "check" else {**stage, "params": [name]}
