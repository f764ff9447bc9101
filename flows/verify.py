"""`cxr verify`: makes every stage again in a second clone, from nothing, and compares every hash.

The clone has a DVC cache of its own, whatever the user's or the machine's configuration says, no run cache, no
per-image cache, no checkpoints and no dvc.lock, nor has its last commit (stages find earlier outputs by it). Immutable
batches come from this workspace's DVC cache. Exit status 0 where all outputs but the two that hold measured times are
equal, else 1 with the names of the files that differ, and where.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cxr.runtime import command_line
from flows.repo import dvc_repro
from flows.repo.lockfile import LOCKS, NOT_REPRODUCIBLE, differences, outputs_of

_DVC = [sys.executable, "-m", "dvc"]
_GIT = ["git", "-c", "user.name=verify", "-c", "user.email=verify@localhost", "-c", "commit.gpgsign=false"]


app = command_line.application()


@command_line.command(
    app,
    "0 (all outputs but the two that hold measured times are equal), 1 (the files that differ "
    "are named), 2 (wrong command line)",
)
def verify(
    keep: Annotated[bool, typer.Option("--keep", help="keep the second clone, also where all is equal")] = False,
) -> None:
    """Make every stage again in a second clone, from nothing, and compare every hash."""
    workspace = Path.cwd()
    recorded = outputs_of(workspace)
    if not recorded:
        command_line.show("verify", "nothing to compare with: run `make repro` first")
        raise typer.Exit(1)
    clone = Path(tempfile.mkdtemp(prefix="cxr-verify-")) / "clone"
    second_clone(workspace, clone)
    print(f"making every stage again in {clone}", flush=True)
    status = subprocess.run(dvc_repro.command("--no-run-cache"), cwd=clone, env=fresh_environment()).returncode
    if status:
        command_line.show("verify", f"the second run failed; it is kept in {clone}")
        raise typer.Exit(1)
    raise typer.Exit(_compared(workspace, clone, recorded, keep))


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m flows.verify")


def second_clone(workspace: Path, place: Path) -> None:
    """Clone HEAD, lay this workspace's uncommitted changes over it, forget what was made, fetch batches that no stage
    makes."""
    subprocess.run(["git", "clone", "-q", str(workspace), str(place)], check=True)
    changed = subprocess.run(
        ["git", "ls-files", "-z", "--modified", "--others", "--exclude-standard"],
        cwd=workspace,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, changed.split("\0")):
        if (workspace / name).is_dir():  # a link to a folder, or a repository within this one
            continue
        if (workspace / name).exists():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(workspace / name, place / name)
        else:
            (place / name).unlink(missing_ok=True)
    forget(place)
    batches = sorted(str(p.relative_to(place)) for p in (place / "data/raw").glob("*.dvc"))
    if batches:
        cache = subprocess.run([*_DVC, "cache", "dir"], cwd=workspace, check=True, capture_output=True, text=True)
        subprocess.run(
            [*_DVC, "remote", "add", "-q", "--local", "-d", "verify", cache.stdout.strip()], cwd=place, check=True
        )
        subprocess.run([*_DVC, "pull", "-q", *batches], cwd=place, check=True)


def forget(place: Path) -> None:
    """Leave nothing in a clone by which an output could be found instead of made: no lock, no cache of others."""
    for lock in LOCKS:
        (place / lock).unlink(missing_ok=True)
    subprocess.run([*_GIT, "rm", "-q", "--cached", "--ignore-unmatch", *LOCKS], cwd=place, check=True)
    subprocess.run(
        [*_GIT, "commit", "-q", "--no-verify", "--allow-empty", "-m", "verify: nothing is recorded"],
        cwd=place,
        check=True,
    )
    subprocess.run([*_DVC, "config", "-q", "--local", "cache.dir", ".dvc/cache"], cwd=place, check=True)


def fresh_environment() -> dict[str, str]:
    """This environment without a shared cache of ours."""
    return {name: value for name, value in os.environ.items() if name != "CXR_CACHE"}


def used(recorded: dict[str, str], made: dict[str, str]) -> dict[str, str]:
    """Recorded outputs without the default's data where the pipeline made none: params.yaml names another set."""
    return {path: value for path, value in recorded.items() if path in made or not path.startswith("data/raw/")}


def _compared(workspace: Path, place: Path, everything: dict[str, str], keep: bool) -> int:
    made = outputs_of(place)
    recorded = used(everything, made)
    differing = differences(recorded, made)
    if differing:
        print("verify: these outputs differ:")
        for path in differing:
            for line in where(workspace / path, place / path):
                print(f"  {line}")
        print(f"the second clone is kept in {place}")
        return 1
    count = len([path for path in recorded if path not in NOT_REPRODUCIBLE])
    print(
        f"verify: all {count} outputs have the same bytes in a second clone made from nothing "
        f"(not compared, they hold measured times: {', '.join(NOT_REPRODUCIBLE)})"
    )
    if not keep:
        shutil.rmtree(place.parent, ignore_errors=True)
    return 0


def where(first: Path, second: Path) -> list[str]:
    """A line for each file that differs: its name and the first differing byte, or the side that lacks it."""
    names = {p.relative_to(first).as_posix() for p in first.rglob("*") if p.is_file()} if first.is_dir() else {""}
    if second.is_dir():
        names |= {p.relative_to(second).as_posix() for p in second.rglob("*") if p.is_file()}
    lines = []
    for name in sorted(names):
        a, b = first / name if name else first, second / name if name else second
        if not a.exists() or not b.exists():
            lines.append(f"{a}: only {'here' if a.exists() else 'in the second clone'}")
        elif a.read_bytes() != b.read_bytes():
            lines.append(f"{a}: {_first_difference(a.read_bytes(), b.read_bytes())}")
    return lines


def _first_difference(a: bytes, b: bytes) -> str:
    offset = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    text = a[max(0, offset - 30) : offset + 30].decode("ascii", "replace")
    return f"first differs at byte {offset} of {len(a)} (here: {json.dumps(text)})"


if __name__ == "__main__":
    sys.exit(main())
