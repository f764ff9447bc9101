"""`cxr batch`: the one way in for raw data, and a look at what would come in."""

import json
import re
import signal
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cxr.core import environment
from cxr.core.errors import HashMismatch, UserError
from cxr.params import ParamsError, load
from cxr.params.schema import Ingest
from cxr.raw import commit, dvc_index, private_names
from cxr.raw.add import AlreadyIn, add
from cxr.raw.add import to_commit as to_commit_of
from cxr.raw.incoming import inspect, known_images
from cxr.runtime import command_line


def _set_name(text: str) -> str:
    """A set's name from the command line; what can't be one is refused."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", text):
        raise typer.BadParameter(f"{text!r}: lower-case letters, digits, - and _ only")
    return text


app = command_line.application("Batches of raw data.")
_STATUSES = "0, 1 (an error, said in a line), 2 (wrong command line), 130 (interrupted; nothing was added)"
_MENDABLE = (UserError, HashMismatch, ParamsError, OSError)
_FROM = typer.Option(
    "--from",
    help="folder of images, with their table where the layout has one",
    parser=command_line.given_path,
    metavar="FOLDER",
)
_MANIFEST = typer.Option(help="what the set holds", parser=command_line.given_path, metavar="FILE")
_SET = typer.Option("--set", help="name of the set, as in ingest.set", parser=_set_name, metavar="SET")


@command_line.command(app, _STATUSES, name="look", speaker="look", mendable=_MENDABLE)
def look(source: Annotated[Path, _FROM], manifest: Annotated[Path, _MANIFEST] = Path("data/manifest.parquet")) -> None:
    """Say in JSON what a folder would bring in; nothing is added."""
    with private_names.withheld(_unnamed(), "batch"):
        found = inspect(source, known_images(manifest)).as_json()
    print(json.dumps(found, indent=2))


@command_line.command(app, _STATUSES, name="add", speaker="add-batch", mendable=_MENDABLE)
def add_batch(
    name: Annotated[str, _SET],
    source: Annotated[Path, _FROM],
    to_commit: Annotated[bool, typer.Option("--commit", help="git commit the pointer and the ledger")] = False,
) -> None:
    """Copy a folder as a new batch of a set, and say what to commit."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        section = _section_of(name)
        if section and not section.public:
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
    _commit(name, added.folder, added.files, to_commit)


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
    if commit.is_committed(to_commit_of(known.batch.parent)):
        raise known
    print(f"{known.batch}: the very same files came in already, and are not committed yet")
    _commit(name, known.batch, known.files, asked)


def _commit(name: str, batch: Path, count: int, asked: bool) -> None:
    """Commit what git tracks of the set, or say how to. Status 1 where git refuses: the batch is in all the same."""
    files, message = to_commit_of(batch.parent), f"Add {batch.name} to the set {name}: {count} files"
    if not asked:
        print(f"to commit: {commit.line(files, message)}")
        return
    try:
        commit.commit(files, message)
    except commit.NotCommitted as error:
        command_line.show("add-batch", f"{batch} is in, but git did not commit it: {error}")
        command_line.show("add-batch", f"mend that and run the same command again, or: {commit.line(files, message)}")
        raise typer.Exit(1) from None
    print(f"committed: {' '.join(path.as_posix() for path in files)}")


def _unnamed() -> bool:
    """Whether no file may be named: the set of params.yaml is private, and others read what this command says.

    On the console of whoever owns the folder files are named, or nobody could mend them.
    """
    return environment.logged() and Path("params.yaml").exists() and not load().ingest.public
