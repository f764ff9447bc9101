"""What DVC leaves of a run, made without running it: objects by their MD5, a dvc.lock; and commands in a clone."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from stages.dvc_objects import md5_of


def store(cache: Path, md5: str, content: bytes) -> None:
    """Put one object where DVC puts it."""
    path = cache / "files/md5" / md5[:2] / md5[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def record_folder(cache: Path, stage: str, folder: Path) -> dict[str, str]:
    """Do what `dvc commit` does with a folder, then remove it and what stages remember; file name to MD5."""
    listing = []
    for path in sorted(folder.iterdir()):
        listing.append({"md5": md5_of(path.read_bytes()), "relpath": path.name})
        store(cache, listing[-1]["md5"], path.read_bytes())
    content = json.dumps(listing).encode()
    md5 = f"{md5_of(content)}.dir"
    store(cache, md5, content)
    _lock(stage, {folder.as_posix(): md5})
    shutil.rmtree(folder)
    shutil.rmtree(".cache")
    return {entry["relpath"]: entry["md5"] for entry in listing}


def record_files(cache: Path, stage: str, paths: list[Path], *, remove: bool = True) -> dict[str, str]:
    """The same with files; path to MD5. They stay where they are with `remove=False`."""
    md5s = {path.as_posix(): md5_of(path.read_bytes()) for path in paths}
    for path in paths:
        store(cache, md5s[path.as_posix()], path.read_bytes())
        if remove:
            path.unlink()
    _lock(stage, md5s)
    shutil.rmtree(".cache")
    return md5s


def configure(text: str = "") -> None:
    """Make this folder a DVC project."""
    Path(".dvc").mkdir()
    Path(".dvc/config").write_text(text)


def command(folder: Path, *words: str, root: Path) -> None:
    """Run a command in a clone; its output is shown where it fails."""
    settings = {**os.environ, "PYTHONPATH": str(root), "DVC_NO_ANALYTICS": "1",
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        settings[name] = "test"
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        settings[name] = "test@localhost"
    done = subprocess.run(words, cwd=folder, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"


def _lock(stage: str, outputs: dict[str, str]) -> None:
    outs = [{"path": path, "hash": "md5", "md5": md5} for path, md5 in outputs.items()]
    Path("dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": {stage: {"outs": outs}}}))
