"""Whether a set's batches are still the ones that came in: the checksums of their files, and the ledger."""

import hashlib
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cxr.core.environment import workers
from cxr.core.errors import HashMismatch
from cxr.core.files import CHECKSUMS, read_checksums, sha256_file, write_text
from cxr.raw.batch import Batch
from cxr.raw.fact_cache import FactCache
from cxr.raw.names import BatchError, is_batch_name
from cxr.runtime import paths, progress

_RECENT_NS = 3_000_000_000  # a file that was written this recently may change again without a new time stamp


def ledger_of(folder: Path) -> Path:
    """The ledger beside a set's folder: `data/raw/<set>.ledger`, tracked by git."""
    return folder.parent / f"{folder.name}.ledger"


def read_ledger(path: Path) -> dict[str, str]:
    """Batch name to the SHA-256 of its SHA256SUMS; empty where there is no ledger. BatchError names a bad line."""
    if not path.exists():
        return {}
    entries = ledger_lines(path.read_bytes().decode(errors="replace"))
    for number, (name, checksum) in enumerate(entries.items(), 1):
        if not is_batch_name(name) or len(checksum) != 64:
            line = f"{name} {checksum}"
            raise BatchError(f"{path} line {number}: not `<batch> <SHA-256>`: {line!r}; see git log of that file")
    return entries


def ledger_lines(text: str) -> dict[str, str]:
    """Batch name to SHA-256 in the text of a ledger, whose lines end with a newline alone; nothing is checked."""
    lines = (line.partition(" ") for line in text.removesuffix("\n").split("\n") if text)
    return {name: checksum for name, _, checksum in lines}


def write_ledger(path: Path, entries: dict[str, str]) -> None:
    """Write a ledger, a line for each batch, in the order given."""
    write_text(path, "".join(f"{name} {checksum}\n" for name, checksum in entries.items()))


def check_ledger(folder: Path, batches: Sequence[Batch]) -> None:
    """Compare the batches' SHA256SUMS with the ledger; BatchError names one that differs, is missing or not in it.

    A set that a DVC stage makes has no ledger, only the batches' SHA256SUMS.
    """
    ledger = ledger_of(folder)
    recorded, present = read_ledger(ledger), {batch.name: batch.checksum for batch in batches}
    if not ledger.exists():
        if (pointer := folder.with_name(folder.name + ".dvc")).exists():
            raise BatchError(f"{ledger}: is missing though {pointer} is there; get it back with git checkout")
        return
    for name in recorded.keys() - present.keys():
        raise BatchError(f"{folder / name}: in {ledger} but not on disk; get it by `dvc pull {folder}`")
    for name, checksum in present.items():
        if name not in recorded:
            raise BatchError(
                f"{folder / name}: not in {ledger}; a batch comes in by make add-batch (if that was "
                "killed, add the same folder again) or is moved away"
            )
        if checksum != recorded[name]:
            raise BatchError(
                f"{folder / name}: was changed: the SHA-256 of its {CHECKSUMS} is "
                f"{checksum[:12] or 'gone'}, {ledger} says {recorded[name][:12]}; restore it with "
                f"`dvc checkout {folder}`. New data is a new batch"
            )


def verify_set(folder: Path, batches: Sequence[Batch]) -> None:
    """Compare every file with its batch's SHA256SUMS, and every SHA256SUMS with the ledger.

    BatchError or HashMismatch names the first file that is changed, missing or added. A file whose path, size, inode
    and times are as when it was last hashed is not hashed again.
    """
    check_ledger(folder, batches)
    _verify_files(folder, batches)


def verify_batches(folder: Path, batches: Sequence[Batch], ledger: dict[str, str]) -> None:
    """As `verify_set`, for some batches of a set and what the ledger says of them."""
    for batch in batches:
        if batch.checksum != ledger[batch.name]:
            raise BatchError(f"{batch.folder}: was changed; restore it with `dvc checkout {folder}`")
    _verify_files(folder, batches)


def _verify_files(folder: Path, batches: Sequence[Batch]) -> None:
    """Compare every file with its batch's SHA256SUMS; HashMismatch names the first that is another."""
    wanted: dict[Path, str] = {}
    for batch in batches:
        wanted |= _recorded(batch)
    found = _hashes(list(wanted))
    for path, checksum in wanted.items():
        if found[path] != checksum:
            raise HashMismatch(
                f"{path}: its SHA-256 is not the one in {CHECKSUMS} of its batch; restore it with "
                f"`dvc checkout {folder}`. New data is a new batch (make add-batch)"
            )


def _recorded(batch: Batch) -> dict[Path, str]:
    """Every file of a batch with its recorded SHA-256; HashMismatch names one that is missing or was added."""
    if not batch.checksum:
        raise BatchError(f"{batch.folder}: has no {CHECKSUMS}; a batch comes in by make add-batch, which writes it")
    recorded, present = read_checksums(batch.folder), batch.files.keys() - {CHECKSUMS}
    for name in sorted(recorded.keys() ^ present):
        fault = f"in {CHECKSUMS} but missing" if name in recorded else f"was added to the batch (not in {CHECKSUMS})"
        raise HashMismatch(f"{batch.folder / name}: {fault}; a batch never changes, new data is a new batch")
    return {batch.folder / name: sha for name, sha in recorded.items()}


def _hashes(files: list[Path]) -> dict[Path, str]:
    """SHA-256 of files, from the fact cache where nothing about the file has changed."""
    cache = FactCache(paths.cache("batches") / "hashes.sqlite")
    try:
        keys = {path: _identity(path) for path in files}
        known = cache.get(keys.values())
        fresh = [path for path in files if keys[path] not in known]
        computed = _hash_all(fresh)
        lasting = {path for path in computed if not _is_recent(path) and _identity(path) == keys[path]}
        cache.put({keys[path]: sha for path, sha in computed.items() if path in lasting})
    finally:
        cache.close()
    return {path: computed.get(path) or known[keys[path]] for path in files}


def _hash_all(paths: list[Path]) -> dict[Path, str]:
    """SHA-256 of files, several at once, with a progress bar where they are many."""
    executor = ThreadPoolExecutor(workers())  # hashing lets other threads run
    try:
        hashes = executor.map(sha256_file, paths)
        return dict(
            zip(
                paths,
                progress.bar(hashes, what="checking batches", unit="file", total=len(paths), show=len(paths) >= 100),
                strict=True,
            )
        )
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _identity(path: Path) -> str:
    """What changes whenever a file's bytes do: path, device, inode, size and times, as a hash that names nobody."""
    s = path.stat()  # of the object, where DVC put a link to it here
    said = f"{path.absolute()}|{s.st_dev}|{s.st_ino}|{s.st_size}|{s.st_mtime_ns}|{s.st_ctime_ns}"
    return hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()


def _is_recent(path: Path) -> bool:
    """Whether a file may change once more with the same identity, so that its hash is not to be kept."""
    s = path.stat()
    return time.time_ns() - max(s.st_mtime_ns, s.st_ctime_ns) <= _RECENT_NS
