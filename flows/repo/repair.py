"""Sets right what a kill or a full disk can leave half-written of DVC's own files, which DVC itself then refuses.

DVC writes dvc.lock (for a tenth of a second after each stage) and its table of readers and writers in place. Called by
those who hold the workspace's lock. Not for our own files: those are whole or not there (`cxr.core.files`).
"""

import fcntl
import json
import re
from pathlib import Path

import yaml

from flows.repo.lockfile import LOCKS

_TABLE = ".dvc/tmp/rwlock"
_STAGE = re.compile(r"^  [^\s:][^:]*:$", re.MULTILINE)


def mend(workspace: Path) -> list[str]:
    """Mend dvc.lock, data/raw/dvc.lock and DVC's table where need be; a line for people for each thing mended."""
    mended = [line for name in LOCKS if (line := _mend_lock(workspace / name, name))]
    return mended + _mend_table(workspace / _TABLE)


def _mend_lock(path: Path, name: str) -> str:
    """Cut a half-written lock file back to its whole stages; DVC's run cache knows the others' results."""
    if not path.is_file() or _is_whole(text := path.read_text(errors="replace")):
        return ""
    starts = [match.start() for match in _STAGE.finditer(text)]
    kept = next((text[:start] for start in reversed(starts[1:]) if _is_whole(text[:start])), "")
    path.write_text(kept) if kept else path.unlink()
    return f"{name} was half-written (a kill or a full disk while DVC wrote it): cut back to its whole stages"


def _is_whole(text: str) -> bool:
    """Whether DVC would read the text of a lock file."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA as AS_DVC_WANTS_IT
    from voluptuous import Invalid

    try:
        AS_DVC_WANTS_IT(yaml.safe_load(text))
    except (yaml.YAMLError, Invalid):
        return False
    return True


def _mend_table(path: Path) -> list[str]:
    """Take out of DVC's table what no DVC holds: garbage, and process ids that other programs have by now."""
    if not path.is_file():
        return []
    with path.with_name(f"{path.name}.lock").open("a") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # DVC's own guard of this file, held for milliseconds
        try:
            table = json.loads(path.read_text())
            holders = [*table.get("write", {}).values(), *(i for many in table.get("read", {}).values() for i in many)]
        except (ValueError, AttributeError, TypeError):
            path.unlink()
            return [f"{path.name} of DVC was half-written: removed"]
        gone = sorted({holder["pid"] for holder in holders if not _is_dvc(holder["pid"])})
        if not gone or any(_is_dvc(holder["pid"]) for holder in holders):
            return []
        path.unlink()
    return [f"DVC's lock of process {pid}, which is gone: removed" for pid in gone]


def _is_dvc(pid: int) -> bool:
    """Whether the process lives and may be a DVC (where there is no /proc: yes, DVC itself then judges)."""
    if not Path("/proc/self").exists():
        return True
    try:
        return b"dvc" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
