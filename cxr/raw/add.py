"""The one way in for new data: checks a folder, copies it into a batch, enters that into the ledger and into DVC.

Either all of it happens or nothing: the batch takes its name only when whole, and an error or an interrupt afterwards
takes it back. The ledger is written last; what a SIGKILL leaves before that is taken up when the same folder is added
again.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr.core.files import CHECKSUMS, atomic_folder, sha256_file, write_bytes, write_checksums
from cxr.raw.batch import open_set
from cxr.raw.checksums import check_ledger, ledger_of, read_ledger, verify_set, write_ledger
from cxr.raw.layouts.registry import layout_of
from cxr.raw.names import BatchError
from cxr.raw.packing import copy, listing

RAW = Path("data/raw")


@dataclass(frozen=True)
class Added:
    """What came in: the batch's folder, layout, number of files, names left out, and the files for git to track."""

    folder: Path
    layout: str
    files: int
    left_out: tuple[str, ...]
    to_commit: tuple[Path, ...]


def add(name: str, source: Path, *, layout: str | None = None, raw: Path = RAW) -> Added:
    """Add the files of `source` as a new batch of set `name`; `layout` is the one that it must have, where one must.

    BatchError: the source is not there, is not of a known layout, holds links, came in before, or the set's earlier
    batches are not in order.
    """
    names, left_out = _checked(source, raw)
    found = layout_of(names, str(source)).name
    if layout not in (None, found):
        raise BatchError(f"{source}: is of layout {found}, but params.yaml says ingest.layout: {layout} for set {name}")
    folder = raw / name
    _check_set(folder)
    abandoned, batch = _stray(folder), folder / _next_name(folder)
    with _undone_on_error(folder):
        with atomic_folder(batch) as part:
            copy(source, names, part)
            write_checksums(part)
            _refuse_known(folder, part, abandoned)
            if abandoned:
                shutil.rmtree(abandoned)  # the same bytes, to the last one, stand in `part`
        _dvc_add(folder)
        entries = read_ledger(ledger_of(folder))
        write_ledger(ledger_of(folder), entries | {batch.name: sha256_file(batch / CHECKSUMS)})
    files = (folder.with_name(f"{name}.dvc"), ledger_of(folder), raw / ".gitignore")
    return Added(batch, found, len(names), tuple(left_out), tuple(path for path in files if path.exists()))


def commit(files: Sequence[Path], message: str) -> None:
    """Commit exactly these files; what else is changed or staged stays as it is. BatchError where git refuses."""
    paths = [path.as_posix() for path in files]
    _call(["git", "add", "--", *paths], "git add")
    _call(["git", "commit", "--quiet", "-m", message, "--", *paths], "git commit")


def _checked(source: Path, raw: Path) -> tuple[list[str], list[str]]:
    """The listing of a source that is a folder and does not overlap the raw sets."""
    if not source.is_dir():
        raise BatchError(f"{source}: is no folder; FROM=... names the folder that holds the tables or class folders")
    here, there = raw.resolve(), source.resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise BatchError(f"{source}: lies within {raw} or holds it; give a folder outside")
    return listing(source)


def _check_set(folder: Path) -> None:
    """The set's earlier batches are all there and unchanged, or the set is new."""
    pointer, ledger = folder.with_name(folder.name + ".dvc"), ledger_of(folder)
    if folder.exists() and not pointer.exists() and not ledger.exists() and not _is_abandoned(folder):
        raise BatchError(f"{folder}: was not made by make add-batch (by a DVC stage?); choose another SET")
    if not (pointer.exists() or ledger.exists()):
        return
    if not folder.exists():
        raise BatchError(f"{folder}: its earlier batches are not here; `dvc pull {folder}` first")
    stray, batches = _stray(folder), open_set(folder)
    kept = [batch for batch in batches if batch.folder != stray]
    if kept or read_ledger(ledger):
        check_ledger(folder, kept)
        verify_set(folder, kept)


def _is_abandoned(folder: Path) -> bool:
    """Whether a first add was killed: nothing but pieces under temporary names, or one whole batch-001."""
    inside = [path.name for path in folder.iterdir() if not path.name.endswith(".part")]
    return not inside or (inside == ["batch-001"] and (folder / "batch-001" / CHECKSUMS).exists())


def _stray(folder: Path) -> Path | None:
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
            raise BatchError(f"{folder / name}: the very same files came in already; nothing was added")
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
def _undone_on_error(folder: Path) -> Iterator[None]:
    """On any error or interrupt: batches that were not there go, pointer, ledger and .gitignore are as they were."""
    files = [folder.with_name(folder.name + ".dvc"), ledger_of(folder), folder.parent / ".gitignore"]
    before = {path: path.read_bytes() if path.exists() else None for path in files}
    existed, batches = folder.exists(), _inside(folder)
    try:
        yield
    except BaseException:
        for path in _inside(folder) - batches:
            shutil.rmtree(path, ignore_errors=True)
        if not existed:
            shutil.rmtree(folder, ignore_errors=True)
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            elif not path.exists() or path.read_bytes() != content:
                write_bytes(path, content)
        raise


def _inside(folder: Path) -> set[Path]:
    return set(folder.iterdir()) if folder.exists() else set()


def _dvc_add(folder: Path) -> None:
    _call([sys.executable, "-m", "dvc", "add", "--quiet", folder.as_posix()], "dvc add")


def _call(command: list[str], what: str) -> None:
    """Run a command; BatchError with its last line where it fails."""
    done = subprocess.run(command, text=True, capture_output=True, env=os.environ | {"DVC_NO_ANALYTICS": "1"})
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise BatchError(f"{what} failed: {lines[-1] if lines else f'exit status {done.returncode}'}")
