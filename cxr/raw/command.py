"""`cxr batch`: the one way in for raw data, and a look at what would come in."""

import json
import re
import signal
from pathlib import Path
from typing import Annotated

import typer

from cxr.core import environment
from cxr.core.errors import HashMismatch, UserError
from cxr.params import ParamsError, load
from cxr.raw import private_names
from cxr.raw.add import Added, add, commit
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
        with private_names.withheld(_unnamed(), "batch"):
            added = add(name, source, layout=_layout_for(name))
        message = f"Add {added.folder.name} to the set {name}: {added.files} files"
        if to_commit:
            commit(added.to_commit, message)
    except KeyboardInterrupt:
        command_line.show("\nadd-batch", "interrupted; nothing was added")
        raise typer.Exit(130) from None
    _report(added, message, to_commit)


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m cxr.raw")


def _layout_for(name: str) -> str | None:
    """The layout that params.yaml asks for, where it is about this set."""
    if not Path("params.yaml").exists():
        return None
    section = load().ingest
    return section.layout if section.set == name else None


def _unnamed() -> bool:
    """Whether no file may be named: the set of params.yaml is private, and others read what this command says.

    On the console of whoever owns the folder files are named, or nobody could mend them.
    """
    return environment.logged() and Path("params.yaml").exists() and not load().ingest.public


def _report(added: Added, message: str, committed: bool) -> None:
    """Say what came in, what was left out, and what to commit or what was committed."""
    for name in added.left_out if not _unnamed() else ():
        print(f"left out: {name}")
    print(f"{added.folder}: {added.files} files, layout {added.layout}")
    files = " ".join(path.as_posix() for path in added.to_commit)
    if committed:
        print(f"committed: {files}")
    else:
        print(f"to commit: git add {files} && git commit -m '{message}' -- {files}")
