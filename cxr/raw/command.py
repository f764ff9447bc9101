"""`python -m cxr.raw add --set SET --from FOLDER [--commit]`: adds a batch (`make add-batch`).

`python -m cxr.raw look --from FOLDER`: says in JSON what would come in; flows ask it of what waits.
"""
import argparse
import json
import re
import signal
import sys
from pathlib import Path

from cxr.core.errors import HashMismatch, UserError
from cxr.params import ParamsError, load
from cxr.raw.add import Added, add, commit
from cxr.raw.incoming import inspect, known_images


def main() -> int:
    """Add a batch and say what to do next; 1 and a readable line where it can't be added, 130 where interrupted."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if arguments.word == "look":
            print(json.dumps(inspect(arguments.source, known_images(arguments.manifest)).as_json(), indent=2))
            return 0
        added = add(arguments.set, arguments.source, layout=_layout_for(arguments.set))
        message = f"Add {added.folder.name} to the set {arguments.set}: {added.files} files"
        if arguments.commit:
            commit(added.to_commit, message)
    except (UserError, HashMismatch, ParamsError, OSError) as error:
        print(f"add-batch: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nadd-batch: interrupted; nothing was added", file=sys.stderr)
        return 130
    _report(added, message, arguments.commit)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m cxr.raw", description="Batches of raw data.")
    words = parser.add_subparsers(required=True, dest="word")
    looked = words.add_parser("look", help="say in JSON what a folder would bring in")
    looked.add_argument("--from", required=True, type=Path, dest="source", help="folder to look at")
    looked.add_argument("--manifest", type=Path, default=Path("data/manifest.parquet"), help="what the set holds")
    adding = words.add_parser("add", help="add a folder as a new batch")
    adding.add_argument("--set", required=True, type=_set_name, help="name of the set, as in ingest.set")
    adding.add_argument("--from", required=True, type=Path, dest="source", help="folder to copy from")
    adding.add_argument("--commit", action="store_true", help="git commit the pointer and the ledger")
    return parser.parse_args()


def _set_name(text: str) -> str:
    """A set's name from the command line; argparse refuses what can't be one."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r}: lower-case letters, digits, - and _ only")
    return text


def _layout_for(name: str) -> str | None:
    """The layout that params.yaml asks for, where it is about this set."""
    if not Path("params.yaml").exists():
        return None
    section = load().ingest
    return section.layout if section.set == name else None


def _report(added: Added, message: str, committed: bool) -> None:
    """Say what came in, what was left out, and what to commit or what was committed."""
    for name in added.left_out:
        print(f"left out: {name}")
    print(f"{added.folder}: {added.files} files, layout {added.layout}")
    files = " ".join(path.as_posix() for path in added.to_commit)
    if committed:
        print(f"committed: {files}")
    else:
        print(f"to commit: git add {files} && git commit -m '{message}' -- {files}")
