"""Whether a set's batches are still the ones that came in: seals of their files, and the ledger of the seals."""
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from cxr.core.determinism import workers
from cxr.core.errors import HashMismatch
from cxr.core.files import SEAL, read_seal, sha256_file, write_text
from cxr.raw.batch import Batch
from cxr.raw.fact_cache import Memo
from cxr.raw.names import BatchError, is_batch_name
from cxr.runtime import paths

_SETTLED_NS = 3_000_000_000  # a file that was written this shortly before may change again within its time stamp


def ledger_of(folder: Path) -> Path:
    """The ledger beside a set's folder: `data/raw/<set>.ledger`, tracked by git."""
    return folder.parent / f"{folder.name}.ledger"


def read_ledger(path: Path) -> dict[str, str]:
    """Batch name to the SHA-256 of its SHA256SUMS; empty where there is no ledger. BatchError names a bad line."""
    if not path.exists():
        return {}
    entries = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        name, _, seal = line.partition(" ")
        if not is_batch_name(name) or len(seal) != 64:
            raise BatchError(f"{path} line {number}: not `<batch> <SHA-256>`: {line!r}; see git log of that file")
        entries[name] = seal
    return entries


def write_ledger(path: Path, entries: dict[str, str]) -> None:
    """Write a ledger, a line for each batch, in the order given."""
    write_text(path, "".join(f"{name} {seal}\n" for name, seal in entries.items()))


def check_ledger(folder: Path, batches: Sequence[Batch]) -> None:
    """Hold the batches' seals against the ledger; BatchError names a batch that is other, missing or not in it.

    A set that a DVC stage makes has no ledger, only seals.
    """
    ledger = ledger_of(folder)
    recorded, present = read_ledger(ledger), {batch.name: batch.seal for batch in batches}
    if not ledger.exists():
        if (pointer := folder.with_name(folder.name + ".dvc")).exists():
            raise BatchError(f"{ledger}: is missing though {pointer} is there; get it back with git checkout")
        return
    for name in recorded.keys() - present.keys():
        raise BatchError(f"{folder / name}: in {ledger} but not on disk; get it by `dvc pull {folder}`")
    for name, seal in present.items():
        if name not in recorded:
            raise BatchError(f"{folder / name}: not in {ledger}; a batch comes in by make add-batch (if that was "
                             "killed, add the same folder again) or is moved away")
        if seal != recorded[name]:
            raise BatchError(f"{folder / name}: was changed: its seal is {seal[:12] or 'gone'}, {ledger} says "
                             f"{recorded[name][:12]}; restore it with `dvc checkout {folder}`. New data is a new batch")


def verify_set(folder: Path, batches: Sequence[Batch]) -> None:
    """Hold every file against its batch's seal and every seal against the ledger.

    BatchError or HashMismatch names the first file that is changed, missing or added. A file whose path, size, inode
    and times are as when it was last hashed is not hashed again.
    """
    check_ledger(folder, batches)
    wanted: dict[Path, str] = {}
    for batch in batches:
        wanted |= _sealed(batch)
    found = _hashes(list(wanted))
    for path, sealed in wanted.items():
        if found[path] != sealed:
            raise HashMismatch(f"{path}: its SHA-256 is not the one sealed in {SEAL} of its batch; restore it with "
                               f"`dvc checkout {folder}`. New data is a new batch (make add-batch)")


def _sealed(batch: Batch) -> dict[Path, str]:
    """Every file of a batch with its sealed SHA-256; HashMismatch names one that is missing or was added."""
    if not batch.seal:
        raise BatchError(f"{batch.folder}: has no {SEAL}; a batch comes in by make add-batch, which seals it")
    sealed, present = read_seal(batch.folder), batch.files.keys() - {SEAL}
    for name in sorted(sealed.keys() ^ present):
        fault = "sealed but missing" if name in sealed else f"was added after the batch was sealed (not in {SEAL})"
        raise HashMismatch(f"{batch.folder / name}: {fault}; a batch never changes, new data is a new batch")
    return {batch.folder / name: sha for name, sha in sealed.items()}


def _hashes(files: list[Path]) -> dict[Path, str]:
    """SHA-256 of files, from the memo where nothing about the file has changed."""
    memo = Memo(paths.cache("batches") / "hashes.sqlite")
    try:
        keys = {path: _identity(path) for path in files}
        known = memo.get(keys.values())
        fresh = [path for path in files if keys[path] not in known]
        made = _hash_all(fresh)
        memo.put({keys[path]: sha for path, sha in made.items() if _settled(path) and _identity(path) == keys[path]})
    finally:
        memo.close()
    return {path: made.get(path) or known[keys[path]] for path in files}


def _hash_all(paths: list[Path]) -> dict[Path, str]:
    executor = ThreadPoolExecutor(workers())  # hashing lets other threads run
    try:
        hashes = executor.map(sha256_file, paths)
        return dict(zip(paths, tqdm(hashes, "checking seals", len(paths), unit="file", disable=len(paths) < 100),
                        strict=True))
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _identity(path: Path) -> str:
    s = os.lstat(path)
    return f"{path.absolute()}|{s.st_dev}|{s.st_ino}|{s.st_size}|{s.st_mtime_ns}|{s.st_ctime_ns}"


def _settled(path: Path) -> bool:
    s = os.lstat(path)
    return time.time_ns() - max(s.st_mtime_ns, s.st_ctime_ns) > _SETTLED_NS
