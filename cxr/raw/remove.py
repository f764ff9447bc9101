"""Takes the last batch of a set back, as long as no recorded run was made with it: all of it or nothing."""

import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cxr.raw.add import LOCK, RAW, dvc, pointer_of, stray_of, tracked
from cxr.raw.batch import Batch
from cxr.raw.checksums import ledger_of, read_ledger, verify_batches, write_ledger
from cxr.raw.names import BatchError
from cxr.raw.recorded import HERE, recorded
from cxr.raw.undo import restored_on_error
from cxr.runtime import folder_lock


def remove(name: str, *, raw: Path = RAW, say: Callable[[str], None] = lambda line: None) -> Path:
    """Remove the last batch of set `name`, or what an add that was killed left there; the folder where it stood.

    BatchError: there is none, a recorded run was made with it, or the batches before it are not here or changed.
    """
    with folder_lock.held_by_name(LOCK, f"removes a batch of set {name}", say):
        return _remove(raw / name)


def _remove(folder: Path) -> Path:
    """As `remove`, by the only one who changes sets."""
    if stray := stray_of(folder):
        shutil.rmtree(stray)
        return stray
    ledger = read_ledger(ledger_of(folder))
    if not ledger:
        raise BatchError(f"{folder}: has no batch that make add-batch brought in")
    if not folder.exists():
        raise BatchError(f"{folder}: its batches are not here; `dvc pull {folder}` first")
    last = list(ledger)[-1]
    if where := recorded(folder, pointer_of(folder)).get(last):
        raise BatchError(_refusal(folder / last, where))
    kept = {batch: checksum for batch, checksum in ledger.items() if batch != last}
    verify_batches(folder, [Batch(folder / batch) for batch in kept], kept)
    with restored_on_error(tracked(folder)), _aside(folder / last):
        _forget(folder, kept)
    return folder / last


def _forget(folder: Path, kept: dict[str, str]) -> None:
    """Let DVC and the ledger know of the batches that are left; of a set without any, nothing is left."""
    if kept:
        dvc("add", folder)
        write_ledger(ledger_of(folder), kept)
    else:
        dvc("remove", pointer_of(folder))
        ledger_of(folder).unlink()
        shutil.rmtree(folder)


@contextmanager
def _aside(batch: Path) -> Iterator[None]:
    """The batch put aside while the block runs: back on an error or interrupt, else gone."""
    folder = batch.parent
    aside = folder.with_name(f".{folder.name}-{batch.name}.{secrets.token_hex(4)}.part")
    if batch.exists():
        batch.rename(aside)
    try:
        yield
    except BaseException:
        if aside.exists():
            folder.mkdir(exist_ok=True)
            aside.rename(batch)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _refusal(batch: Path, where: str) -> str:
    """Why a recorded batch stays, and what to do."""
    if where == HERE:
        return (
            f"{batch}: dvc.lock records a run with it that is not committed; `git checkout dvc.lock` drops that run, "
            "then remove the batch"
        )
    return (
        f"{batch}: stays, since commit {where} records a run with it, which must be able to be made again. A further "
        "batch corrects its labels; to go on without it, add the other folders to a new set and name that in ingest.set"
    )
