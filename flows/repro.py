"""`python -m flows.repro [dvc repro arguments]`: what `make repro` runs.

One run at a time in a workspace (a second one waits and says for whom), params.yaml checked, `dvc repro`, the headline
figures, and whether the bytes made here are the ones that the commit records.
"""
import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from cxr.runtime import process_tree
from flows.repo.recorded import verdict
from flows.repo.repair import mend
from flows.support.lock import WorkspaceLock
from flows.support.params_check import faults
from flows.support.python_path import this_python_first

_FAILED, _INTERRUPTED = 1, 130


def main(arguments: list[str]) -> int:
    """Exit status: 0 with figures and verdict, 1 (parameter or stage), 130 (interrupted), 128 + N (killed by signal N).
    """
    with WorkspaceLock(Path(".runs/repro.lock"), "make repro"):
        if wrong := faults(Path.cwd()):
            print(wrong, file=sys.stderr)
            return _FAILED
        status = _dvc_repro(arguments)
        if status == _FAILED and (mended := mend(Path.cwd())):  # not where it was killed
            print(*mended, "running again", sep="\n", file=sys.stderr, flush=True)
            status = _dvc_repro(arguments)
    if status == 0:
        subprocess.run([sys.executable, "-m", "stages.report.headline"], check=False)
        print(verdict(Path.cwd()), flush=True)
        subprocess.run([sys.executable, "-m", "stages.evaluate.acceptance"], check=False)
    elif status == _INTERRUPTED:
        print("interrupted: `make repro` goes on where it stopped", file=sys.stderr)
    else:
        print(missing_set() or "a stage failed: mend what its last lines say and run `make repro` again; it starts "
              "there", file=sys.stderr)
    return status


def _dvc_repro(arguments: list[str]) -> int:
    """Run it in this process group, so that Ctrl-C and kills reach all; wait through an interrupt for its clean end.

    Exit status as `main` says: DVC's own are 251 to 255, whatever failed, and 255 too where Ctrl-C ended a stage.
    """
    environment = {**os.environ, "PATH": this_python_first(), process_tree.STARTED_BY: " ".join(_own_group())}
    child = subprocess.Popen([sys.executable, "-m", "dvc", "repro", *arguments], env=environment)
    interrupted, status = False, None
    while status is None:
        try:
            status = child.wait()
        except KeyboardInterrupt:
            interrupted = True
    if status < 0:
        return 128 - status
    return status and (_INTERRUPTED if interrupted or status == _INTERRUPTED else _FAILED)


def missing_set(folder: Path = Path()) -> str:
    """A line that says how to get the data that params.yaml names and the folder lacks; empty where they are there."""
    try:
        name = str(yaml.safe_load((folder / "params.yaml").read_text())["ingest"]["set"])
        made = yaml.safe_load((folder / "data/raw/dvc.yaml").read_text())["stages"]
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return ""
    is_name = re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name)  # the stage `check` says what else is wrong
    if not is_name or name in made or (folder / "data/raw" / name).exists():
        return ""
    how = f"`make add-batch SET={name} FROM=folder` puts it there"
    if (folder / f"data/raw/{name}.dvc").exists():
        how = f"`dvc pull data/raw/{name}.dvc` fetches it"
    return f"data/raw/{name}, the set that params.yaml names, is not here: {how}; then run `make repro` again"


def _own_group() -> Iterator[str]:
    """This process and its ancestors in its process group (make, a script): a stage ends when one of them is gone.

    Sent into the background or under nohup, make is the last: the shell that started it may go.
    """
    yield str(os.getpid())
    with contextlib.suppress(OSError):  # an ancestor that ends just now
        for pid, _ in process_tree.ancestors(os.getpid()):
            if process_tree.is_detached() and Path(f"/proc/{pid}/comm").read_text().strip() != "make":
                return
            yield str(pid)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
