"""The miniature project with production, inbox and gate: flows, git, DVC and gto are real, the stages' answers are
played by small commands in the project itself.

Played: `stages.production` keeps a pile of releases, `stages.gate` says what the file `verdict` says, `stages.batches`
takes a folder with a `labels.csv` (a line for each study), `stages.score.latency` finds no image.
"""
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from flows import inbox
from tests.flows_project import Project, git, make

_PRODUCTION = '''
import itertools, json, os, pathlib, shutil, sys
top, given = pathlib.Path(os.environ["CXR_PRODUCTION"]), dict(itertools.pairwise(sys.argv))
pile = json.loads((top / "pile.json").read_text())
if sys.argv[1] == "rollback" and len(pile) < 2:
    sys.exit("production: no release before the one in use to go back to")
if "--to-be" in sys.argv:
    print(json.dumps(pile[-2]))
    sys.exit()
if sys.argv[1] == "rollback":
    pile.pop()
if sys.argv[1] == "install":
    version = given["--version"]
    folder = top / "releases" / version / "model"
    shutil.copytree("models/base", folder, dirs_exist_ok=True)
    (folder / "card.json").write_text(json.dumps({"preprocessing": version}))
    latency = json.loads(pathlib.Path(given["--latency"]).read_text()) if "--latency" in given else None
    pile.append({"folder": str(folder), "identity": version * 8, "version": version, "latency": latency})
(top / "pile.json").write_text(json.dumps(pile))
print(json.dumps({"current": pile[-1]}))
'''
_GATE = '''
import itertools, json, os, pathlib, sys
out = pathlib.Path(dict(itertools.pairwise(sys.argv))["--out"])
verdict = pathlib.Path(os.environ["CXR_PRODUCTION"], "verdict")
keep = verdict.exists() and verdict.read_text()
out.mkdir(parents=True, exist_ok=True)
with (out / "asked").open("a") as stream:
    stream.write("once more")
(out / "gate.json").write_text(json.dumps({"reasons": [keep] if keep else []}))
(out / "gate.md").write_text("# Gate")
sys.exit(3 if keep else 0)
'''
_BATCHES = '''
import hashlib, itertools, json, pathlib, shutil, subprocess, sys
source = pathlib.Path(dict(itertools.pairwise(sys.argv))["--from"])
table = (source / "labels.csv").read_bytes()
if sys.argv[1] == "look":
    print(json.dumps({"new": table.count(b"\\n"), "digest": hashlib.sha256(table).hexdigest()}))
else:
    raw = pathlib.Path("data/raw/demo")
    shutil.copytree(source, raw / f"batch-{len(list(raw.iterdir())) + 1:03d}")
    subprocess.run([sys.executable, "-m", "dvc", "add", "-q", str(raw)], check=True)
'''
_PLAYED = {"production.py": _PRODUCTION, "gate.py": _GATE, "batches.py": _BATCHES,
           "score/latency.py": "raise SystemExit('no image anywhere')"}


def project(top: Path, cooldown: int = 60) -> Project:
    """A set `demo` with one batch, four stages, warm start, 3 new studies asked for, a cooldown of so many seconds;
    nothing was run."""
    made = make(top, ["check", "ingest", "preprocess", "train"])
    checkout = made.checkout
    graph = yaml.safe_load((checkout / "dvc.yaml").read_text())
    graph = json.loads(json.dumps(graph).replace("raw/phantom", "raw/demo"))
    graph["stages"]["train"]["deps"].append("${train.initial}")
    files = {"dvc.yaml": yaml.safe_dump(graph, sort_keys=False), "models/scratch.json": "{}\n",
             "metrics/compress.json": '{"chosen": {"name": "base"}}\n', "data/raw/demo/batch-001/labels.csv": "a\nb\n",
             ".dvc/config.local": f"['remote \"shared\"']\n    url = {made.store}\n",
             ".gitignore": (checkout / ".gitignore").read_text() + "/data/raw/demo\n/models/initial\n",
             **{f"stages/{name}": text for name, text in _PLAYED.items()}}
    for name, text in files.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(text)
    made.set(train={"epochs": 3, "seconds": 0.0, "initial": "models/scratch.json"}, ingest={"set": "demo"},
             retrain={"min_new_studies": 3, "warm_start": True, "cooldown_seconds": cooldown})
    for words in (["add", "-q", "data/raw/demo"], ["push", "-q", "-r", "shared"]):
        subprocess.run([sys.executable, "-m", "dvc", *words], cwd=checkout, check=True)
    git(checkout, "add", "-f", "stages", "data/raw/demo.dvc", "models/scratch.json", "metrics/compress.json")
    made.commit("a set")
    return made


def record_main(made: Project) -> str:
    """Main's commit, which is v0.0.1 from now on."""
    git(made.git, "-c", "user.name=c", "-c", "user.email=c@localhost", "tag", "-m", "v", "model@v0.0.1", "main")
    return git(made.git, "rev-parse", "main")


def put(production: Path, version: str) -> None:
    """Put a version on the pile."""
    folder = production / "releases" / version / "model"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(json.dumps({"preprocessing": version}))
    release = {"folder": str(folder), "identity": version * 8, "version": version}
    (production / "pile.json").write_text(json.dumps([*releases(production), release]))
    if not (production / "current").is_symlink():
        (production / "current").symlink_to("releases")


def releases(production: Path) -> list[dict[str, Any]]:
    """The pile, newest last."""
    pile = production / "pile.json"
    found: list[dict[str, Any]] = json.loads(pile.read_text()) if pile.exists() else []
    return found


def judged(production: Path) -> int:
    """How often the gate was asked."""
    return sum(path.read_text().count("once") for path in production.glob("gates/*/asked"))


def arrive(production: Path, name: str, studies: int) -> Path:
    """A folder with labelled studies waits in the inbox."""
    folder = production / inbox.INBOX / name
    folder.mkdir(parents=True)
    (folder / "labels.csv").write_text("".join(f"{name} {at}\n" for at in range(studies)))
    return folder
