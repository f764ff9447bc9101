"""Which batches of a set a recorded run was made with: what is recorded must be able to be made again.

A run is recorded by dvc.lock, which holds the set's hash as DVC has it; the set's pointer and ledger of the same time
say which batches that hash stands for.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

from cxr.raw.checksums import ledger_lines, ledger_of
from cxr.runtime import dvc_lock

HERE = "dvc.lock, not committed"


def recorded(folder: Path, pointer: Path) -> dict[str, str]:
    """Batch name to where a run with it is recorded: a commit's short hash, or HERE. Without git only HERE is seen."""
    found: dict[str, str] = {}
    for md5, batches in _versions(pointer, ledger_of(folder)):
        if where := _where(md5):
            found |= {batch: where for batch in batches if found.get(batch, HERE) == HERE}
    return found


def _versions(pointer: Path, ledger: Path) -> Iterator[tuple[str, list[str]]]:
    """(DVC's hash of the set, its batches) as they stand here, and in each commit that changed the pointer."""
    if pointer.exists() and ledger.exists():
        yield _md5(pointer.read_text()), list(ledger_lines(ledger.read_text()))
    for commit in _git("log", "--all", "--format=%H", "--", pointer.as_posix()).split():
        texts = [dvc_lock.committed_text(Path(), f"./{path.as_posix()}", commit) for path in (pointer, ledger)]
        if texts[0] and texts[1]:
            yield _md5(texts[0]), list(ledger_lines(texts[1]))


def _where(md5: str) -> str:
    """The commit whose dvc.lock has a set of this hash, HERE where only the one here has, "" for none."""
    commit = _git("log", "--all", "-1", "--format=%h", f"-S{md5}", "--", dvc_lock.NAME).strip()
    lock = Path(dvc_lock.NAME)
    return commit or (HERE if lock.exists() and md5 in lock.read_text(errors="replace") else "")


def _md5(pointer: str) -> str:
    """DVC's hash in the text of a pointer."""
    return str(yaml.safe_load(pointer)["outs"][0]["md5"])


def _git(*words: str) -> str:
    """What git prints; "" where it is not there or this is no repository."""
    try:
        return subprocess.run(["git", *words], text=True, capture_output=True, errors="replace").stdout
    except FileNotFoundError:
        return ""
