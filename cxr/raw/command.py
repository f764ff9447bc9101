"""`cxr batch`: the one way in for raw data, and a look at what would come in."""

import json
import re
import signal
from collections.abc import Sequence
from dataclasses import asdict, astuple
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cxr.core import environment
from cxr.core.errors import HashMismatch, UserError
from cxr.params import ParamsError, load
from cxr.params.schema import Ingest
from cxr.raw import commit, dvc_index, private_names
from cxr.raw.add import RAW, AlreadyIn, add, tracked
from cxr.raw.incoming import inspect, known_images
from cxr.raw.overview import batches_of, table
from cxr.raw.remove import remove
from cxr.runtime import command_line


def _set_name(text: str) -> str:
    """A set's name from the command line; what can't be one is refused."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", text):
        raise typer.BadParameter(f"{text!r}: lower-case letters, digits, - and _ only")
    return text


app = command_line.application("Batches of raw data.")
_STATUSES = "0, 1 (an error, said in a line), 2 (wrong command line), 130 (interrupted; nothing was added)"
_STATUSES_OF_REMOVE = _STATUSES.replace("added", "removed")
_STATUSES_OF_LIST = "0, 1 (an error, or nothing found, said in a line), 2 (wrong command line)"
_MENDABLE = (UserError, HashMismatch, ParamsError, OSError)
_FROM = typer.Option(
    "--from",
    help="folder of images, with their table where the layout has one",
    parser=command_line.given_path,
    metavar="FOLDER",
)
_MANIFEST = typer.Option(help="what the set holds", parser=command_line.given_path, metavar="FILE")
_COMMIT = typer.Option("--commit", help="git commit the pointer and the ledger")
_FIND = typer.Option(
    "--find", help="at least 8 letters of a file's SHA-256, an image id or a patient's key", metavar="KEY"
)
_SET = typer.Option("--set", help="name of the set, as in ingest.set", parser=_set_name, metavar="SET")
_SET_OR_OURS = typer.Option("--set", help="default: ingest.set", parser=_set_name, metavar="SET")


@command_line.command(app, _STATUSES, name="look", speaker="look", mendable=_MENDABLE)
def look(source: Annotated[Path, _FROM], manifest: Annotated[Path, _MANIFEST] = Path("data/manifest.parquet")) -> None:
    """Say in JSON what a folder would bring in; add nothing.

    It is read as the set that params.yaml names.
    """
    with private_names.withheld(_unnamed(), "batch"):
        section = load().ingest if Path("params.yaml").exists() else None
        found = inspect(source, known_images(manifest), section).as_json()
    print(json.dumps(found, indent=2))


@command_line.command(app, _STATUSES, name="add", speaker="add-batch", mendable=_MENDABLE)
def add_batch(
    name: Annotated[str, _SET], source: Annotated[Path, _FROM], to_commit: Annotated[bool, _COMMIT] = False
) -> None:
    """Copy a folder as a new batch of a set, and say what to commit."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        section = _section_of(name)
        if not (section and section.public):  # params.yaml may not be about it yet
            dvc_index.keep_here()
        with private_names.withheld(_unnamed(), "batch", but=(AlreadyIn,)):
            added = add(name, source, section=section, say=partial(command_line.show, "add-batch"))
    except KeyboardInterrupt:
        command_line.show("\nadd-batch", "interrupted; nothing was added")
        raise typer.Exit(130) from None
    except AlreadyIn as known:
        _finish_commit(name, known, to_commit)
        return
    print(f"{added.folder}: {added.files} files, layout {added.look.layout.name}")
    for remark in added.look.remarks(named=not _unnamed()):
        print(remark)
    _commit_added(name, added.folder, added.files, to_commit)


@command_line.command(app, _STATUSES_OF_REMOVE, name="remove", speaker="remove-batch", mendable=_MENDABLE)
def remove_batch(name: Annotated[str, _SET], to_commit: Annotated[bool, _COMMIT] = False) -> None:
    """Take a set's last batch back, if no recorded run has it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        batch = remove(name, say=partial(command_line.show, "remove-batch"))
    except KeyboardInterrupt:
        command_line.show("\nremove-batch", "interrupted; nothing was removed")
        raise typer.Exit(130) from None
    print(f"{batch}: removed; DVC's cache keeps its files until `dvc gc`")
    if not commit.is_committed(files := tracked(batch.parent)):
        message = f"Remove {batch.name} from the set {name}"
        _commit("remove-batch", files, message, to_commit, f"{batch} is removed")


@command_line.command(app, _STATUSES_OF_LIST, name="list", speaker="list", mendable=_MENDABLE)
def list_batches(name: Annotated[str | None, _SET_OR_OURS] = None, key: Annotated[str | None, _FIND] = None) -> None:
    """List a set's batches, or say what a key of an output means.

    A key is looked for in all sets: what is printed are the files and names that it stands for.
    """
    if key is None:
        lines = [astuple(line) for line in batches_of(RAW / (name or load().ingest.set))]
        print(table([("batch", "files", "images", "layout", "SHA-256", "recorded"), *lines]))
        return
    if _unnamed():
        raise UserError("the set is private (ingest.public: false), and a log is no place for its names")
    found = private_names.find(key)
    for row in found:
        print("  ".join(f"{column}: {value}" for column, value in asdict(row).items() if value))
    if not found:
        raise UserError(
            f"{key}: no file of a batch that is here, and no name of a private set, has a key that begins so"
        )


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m cxr.raw")


def _section_of(name: str) -> Ingest | None:
    """What params.yaml says of a set; None where it is about another one."""
    if not Path("params.yaml").exists():
        return None
    section = load().ingest
    return section if section.set == name else None


def _finish_commit(name: str, known: AlreadyIn, asked: bool) -> None:
    """Commit a batch that came in when git refused; AlreadyIn where there is nothing left to do."""
    if commit.is_committed(tracked(known.batch.parent)):
        raise known
    print(f"{known.batch}: the very same files came in already, and are not committed yet")
    _commit_added(name, known.batch, known.files, asked)


def _commit_added(name: str, batch: Path, count: int, asked: bool) -> None:
    """Commit what git tracks of a set that has a new batch, or say how to."""
    message = f"Add {batch.name} to the set {name}: {count} files"
    _commit("add-batch", tracked(batch.parent), message, asked, f"{batch} is in")


def _commit(speaker: str, files: Sequence[Path], message: str, asked: bool, done: str) -> None:
    """Commit the files, or say how to. Status 1 where git refuses: what was `done` is done all the same."""
    if not asked:
        print(f"to commit: {commit.line(files, message)}")
        return
    there = commit.known(files)
    try:
        commit.commit(there, message)
    except commit.NotCommitted as error:
        command_line.show(speaker, f"{done}, but git did not commit it: {error}")
        command_line.show(speaker, f"mend that and run the same command again, or: {commit.line(files, message)}")
        raise typer.Exit(1) from None
    print(f"committed: {' '.join(path.as_posix() for path in there)}")


def _unnamed() -> bool:
    """Whether no file may be named: the set of params.yaml is private, and others read what this command says.

    On the console of whoever owns the folder files are named, or nobody could mend them.
    """
    return environment.logged() and Path("params.yaml").exists() and not load().ingest.public
