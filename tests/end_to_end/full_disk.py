"""Run by test_full_disk in a mount namespace of its own: a stage on a small, real file system that gets full.

    unshare -rm python full_disk.py WORKSPACE STAGE SHARE [roomy]

Copies the finished workspace to a tmpfs, deletes the stage's outputs as DVC does, leaves room for SHARE of their bytes,
runs the stage, makes room, runs it again. With `roomy` the stage's caches and checkpoints lie on another disk, so that
it gets as far as its outputs. Prints as JSON: exit statuses and words of both, temporary files and torn outputs that
the first left, checkpoints that it kept, outputs of the second that are not the workspace's.
"""
import filecmp
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

MEASURED = "metrics/latency.json"


def outputs_of(workspace: Path, stage: str) -> list[str]:
    """Output paths of a stage, from dvc.yaml or data/raw/dvc.yaml."""
    stages = {name: found for place in ("dvc.yaml", "data/raw/dvc.yaml")
              for name, found in yaml.safe_load((workspace / place).read_text())["stages"].items()}
    return [out for kind in ("outs", "metrics") for out in stages[stage].get(kind, [])]


def size(path: Path) -> int:
    """Bytes that a file or folder takes on a file system of 4 kB pages."""
    return sum(p.stat().st_size // 4096 * 4096 + 4096 for p in ([path] if path.is_file() else path.rglob("*")))


def differing(one: Path, two: Path) -> bool:
    """Whether two files or folders differ in a byte or a name."""
    names = [{p.relative_to(top) for p in top.rglob("*")} if top.is_dir() else {Path()} for top in (one, two)]
    return not two.exists() or names[0] != names[1] or not all(
        filecmp.cmp(one / name, two / name, shallow=False) for name in names[0] if (one / name).is_file())


def holds_files(path: Path) -> bool:
    """Whether a file is there, or a folder with one: a folder made for an output to come is no half output."""
    return path.is_file() or any(p.is_file() for p in path.rglob("*"))


def run(folder: Path, stage: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """The stage's command, as in dvc.yaml."""
    return subprocess.run([sys.executable, "-m", f"stages.{stage}"], cwd=folder, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(folder), "CXR_CACHE": str(cache)})


def main(workspace: Path, stage: str, share: float, roomy: bool) -> None:
    """See the module's first lines."""
    outs = outputs_of(workspace, stage)
    room = int(share * sum(size(workspace / out) for out in outs))
    folder = Path(tempfile.mkdtemp()) / "w"
    folder.mkdir()
    cache = folder.parent / "cache" if roomy else folder / ".cache"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(folder)], check=True)
    shutil.copytree(workspace, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git", ".dvc", ".cache"))
    for out in outs:
        shutil.rmtree(folder / out) if (folder / out).is_dir() else (folder / out).unlink()
    before = set(folder.rglob("*"))
    filler = folder / "filler"
    with filler.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, max(shutil.disk_usage(folder).free - room, 1))
    first = run(folder, stage, cache)
    parts = sorted(str(p) for p in folder.rglob("*.part")  # the cache sweeps those of ended processes
                   if p not in before and ".cache" not in p.relative_to(folder).parts)
    torn = [out for out in outs if holds_files(folder / out) and differing(workspace / out, folder / out)]
    filler.unlink()
    kept = [str(p) for p in cache.rglob("*.ckpt")]
    second = run(folder, stage, cache)
    print(json.dumps({
        "first": first.returncode, "said": first.stderr, "second": second.returncode, "then": second.stderr,
        "parts": parts, "torn": torn, "room": room, "checkpoints": len(kept),
        "differ": [out for out in outs if out != MEASURED and differing(workspace / out, folder / out)]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4:] == ["roomy"])
