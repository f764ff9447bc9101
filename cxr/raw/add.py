"""The one way in for new data: looks at a folder, copies it into a batch, enters that into the ledger and into DVC.

Either all of it happens or nothing: what ingest would stop at is refused before anything is copied, the batch takes its
name only when whole, and an error or an interrupt afterwards takes it back. The ledger is written last; what a SIGKILL
leaves before that is taken up when the same folder is added again. One add at a time in a project.
"""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cxr.core.files import CHECKSUMS, sha256_file, write_checksums
from cxr.params.schema import Ingest
from cxr.raw.batch import Batch, open_set
from cxr.raw.checksums import check_ledger, ledger_of, read_ledger, verify_set, write_ledger
from cxr.raw.door import Look, look_at, refuse
from cxr.raw.names import BatchError, is_packed
from cxr.raw.packing import copy
from cxr.raw.undo import restored_on_error
from cxr.runtime import folder_lock
from cxr.runtime.paths import RUNS

RAW = Path("data/raw")
LOCK = RUNS / "batches"  # one lock for all sets: they share a .gitignore and DVC's own lock


@dataclass(frozen=True)
class Added:
    """What came in: the batch's folder, number of files, and what the look at its source found."""

    folder: Path
    files: int
    look: Look


class AlreadyIn(BatchError):
    """The very same files came in before, as `batch` of `files` files."""

    def __init__(self, batch: Path) -> None:
        """Say which batch it is."""
        super().__init__(f"{batch}: the very same files came in already; nothing was added")
        self.batch = batch

    @property
    def files(self) -> int:
        """How many files the batch has, as `Added.files` counts them."""
        return len(Batch(self.batch).names())


def add(
    name: str,
    source: Path,
    *,
    section: Ingest | None = None,
    raw: Path = RAW,
    say: Callable[[str], None] = lambda line: None,
) -> Added:
    """Add the files of `source` as a new batch of set `name`; `section` are the parameters of the set, where
    params.yaml is about it. While another add is under way, `say` is told who to wait for.

    BatchError or UserError: the source is not there or changes, `cxr.raw.door` refuses it, it came in before
    (AlreadyIn), or the set's earlier batches are not in order.
    """
    _refuse_place(source, raw)
    with folder_lock.held_by_name(LOCK, f"adds {source} to set {name}", say):
        return _add(name, source, section, raw)


def _add(name: str, source: Path, section: Ingest | None, raw: Path) -> Added:
    """As `add`, by the only one who adds."""
    folder = raw / name
    earlier = _earlier(folder)
    look = look_at(source, name, section, earlier)
    refuse(look, section, earlier)
    if earlier:
        verify_set(folder, earlier)
    abandoned, batch = stray_of(folder), folder / _next_name(folder)
    with _undone_on_error(folder):
        with _part_of(batch) as part:
            copy(source, look.names, part, marks=look.listing.files)
            write_checksums(part)
            _refuse_known(folder, part, abandoned)
            if abandoned:
                shutil.rmtree(abandoned)  # the same bytes, to the last one, stand in `part`
        _dvc_add(folder)
        entries = read_ledger(ledger_of(folder))
        write_ledger(ledger_of(folder), entries | {batch.name: sha256_file(batch / CHECKSUMS)})
    return Added(batch, len(look.names), look)


def tracked(folder: Path) -> tuple[Path, ...]:
    """What git tracks of a set: its pointer, its ledger, and the .gitignore beside them."""
    return pointer_of(folder), ledger_of(folder), folder.parent / ".gitignore"


def pointer_of(folder: Path) -> Path:
    """The file by which DVC tracks a set: `data/raw/<set>.dvc`."""
    return folder.with_name(f"{folder.name}.dvc")


def _refuse_place(source: Path, raw: Path) -> None:
    """BatchError where a source is no folder, or overlaps the raw sets."""
    if is_packed(source.name) and source.is_file():
        raise BatchError(f"{source}: packed; unpack it into a folder, and give that folder")
    if not source.is_dir():
        raise BatchError(f"{source}: is no folder; FROM=... names the folder that holds the tables or class folders")
    here, there = raw.resolve(), source.resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise BatchError(f"{source}: lies within {raw} or holds it; give a folder outside")


def _earlier(folder: Path) -> list[Batch]:
    """The set's batches that the ledger knows, all there; none of a new set. Their files are not hashed yet."""
    pointer, ledger = pointer_of(folder), ledger_of(folder)
    if folder.exists() and not pointer.exists() and not ledger.exists() and not _is_abandoned(folder):
        raise BatchError(f"{folder}: was not made by make add-batch (by a DVC stage?); choose another SET")
    if not (pointer.exists() or ledger.exists()):
        return []
    if not folder.exists():
        raise BatchError(f"{folder}: its earlier batches are not here; `dvc pull {folder}` first")
    stray = stray_of(folder)
    kept = [batch for batch in open_set(folder) if batch.folder != stray]
    if kept or read_ledger(ledger):
        check_ledger(folder, kept)
    return kept


def _is_abandoned(folder: Path) -> bool:
    """Whether a first add was killed: nothing but pieces under temporary names, or one whole batch-001."""
    inside = [path.name for path in folder.iterdir() if not path.name.endswith(".part")]
    return not inside or (inside == ["batch-001"] and (folder / "batch-001" / CHECKSUMS).exists())


def stray_of(folder: Path) -> Path | None:
    """A whole batch that is not in the ledger: an add was killed after it was copied. BatchError for several."""
    recorded = read_ledger(ledger_of(folder))
    inside = [path for path in sorted(folder.glob("*/")) if not path.name.startswith(".")] if folder.exists() else []
    strays = [path for path in inside if path.name not in recorded]
    if len(strays) > 1 or (strays and not (strays[0] / CHECKSUMS).exists()):
        raise BatchError(f"{strays[0]}: not in {ledger_of(folder)}; move it away and use make add-batch")
    return strays[0] if strays else None


def _refuse_known(folder: Path, part: Path, abandoned: Path | None) -> None:
    """BatchError where the very same batch came in before, or another one was left by a killed add."""
    new = sha256_file(part / CHECKSUMS)
    for name, known in read_ledger(ledger_of(folder)).items():
        if known == new:
            raise AlreadyIn(folder / name)
    if abandoned and sha256_file(abandoned / CHECKSUMS) != new:
        raise BatchError(
            f"{abandoned}: was left by an add that was killed and holds other files; add those again, or "
            "delete that folder"
        )


def _next_name(folder: Path) -> str:
    """The first free `batch-NNN` after all that the ledger knows."""
    numbers = [int(name[6:]) for name in read_ledger(ledger_of(folder)) if name[:6] == "batch-" and name[6:].isdigit()]
    return f"batch-{max(numbers, default=0) + 1:03d}"


@contextlib.contextmanager
def _part_of(batch: Path) -> Iterator[Path]:
    """An empty folder under a name of its own, which takes the batch's name when the block ends without an error.

    What adds that were killed left under such names goes first: who holds the lock is the only one.
    """
    for left in batch.parent.glob(".*.part"):
        shutil.rmtree(left, ignore_errors=True)
    part = batch.with_name(f".{batch.name}.{secrets.token_hex(4)}.part")
    part.mkdir(parents=True)
    try:
        yield part
        part.rename(batch)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


@contextlib.contextmanager
def _undone_on_error(folder: Path) -> Iterator[None]:
    """On any error or interrupt: batches that were not there go, pointer, ledger and .gitignore are as they were."""
    existed, batches = folder.exists(), _inside(folder)
    with restored_on_error(tracked(folder)):
        try:
            yield
        except BaseException:
            for path in _inside(folder) - batches:
                shutil.rmtree(path, ignore_errors=True)
            if not existed:
                shutil.rmtree(folder, ignore_errors=True)
            raise


def _inside(folder: Path) -> set[Path]:
    return set(folder.iterdir()) if folder.exists() else set()


def _dvc_add(folder: Path) -> None:
    dvc("add", folder)


def dvc(word: str, path: Path) -> None:
    """Run `dvc WORD PATH`; BatchError with what it gives as its error."""
    command = [sys.executable, "-m", "dvc", word, path.as_posix()]
    done = subprocess.run(command, text=True, capture_output=True, env=os.environ | {"DVC_NO_ANALYTICS": "1"})
    if done.returncode:
        raise BatchError(f"dvc {word} failed: {_reason(done.stderr + done.stdout) or f'exit status {done.returncode}'}")


def _reason(said: str) -> str:
    """What DVC gives as its error, else its last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith("Having any troubles")]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or [""])[-1]
