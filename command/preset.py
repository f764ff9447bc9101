"""`cxr preset`: lists the presets, uses one as params.yaml, makes one of it, upgrades it.

`cxr preset NAME` is short for `use NAME`.
"""

import sys
from typing import Annotated

import typer

from cxr.params import ParamsError, preset
from cxr.params.upgrade import upgrade as upgraded
from cxr.runtime import command_line

app = command_line.application("List, use, write and upgrade presets of params.yaml.")
_STATUSES = "0, 1 (something does not fit or is not there, said in a line), 2 (wrong command line)"
_MENDABLE = (ParamsError, OSError)
_NAME = typer.Argument(help="of a preset: presets/NAME.yaml", metavar="NAME", show_default=False)
_WORDS = ("list", "use", "new", "upgrade")


@command_line.command(app, _STATUSES, name="list", mendable=_MENDABLE)
def list_names() -> None:
    """The names of the presets, a line each."""
    print("\n".join(preset.names()))


@command_line.command(app, _STATUSES, mendable=_MENDABLE)
def use(name: Annotated[str, _NAME]) -> None:
    """Write a preset over params.yaml, whole and with the default's comments.

    Where params.yaml is no preset's result, someone changed it by hand: it is kept as params.yaml.before (and replaces
    what an earlier `use` kept there). `new` makes a preset of it, for good.
    """
    today = preset.FORMER.get(name, name)
    if today != name:
        command_line.show("", f"preset '{name}' is now '{today}'; the former name goes with the next release")
    if kept := preset.use(name):
        command_line.show("", f"params.yaml was no preset's: it is kept as {kept}")
    print(f"params.yaml is now the preset '{today}'")


@command_line.command(app, _STATUSES, mendable=_MENDABLE)
def new(name: Annotated[str, _NAME]) -> None:
    """Write presets/NAME.yaml with what params.yaml has other than the default; never over a file that is there."""
    print(f"{preset.new(name)}: say in its first lines what it is")


@command_line.command(app, _STATUSES, mendable=_MENDABLE)
def upgrade() -> None:
    """Add the keys that params.yaml lacks, with their defaults and comments, and change nothing else.

    Keys that nobody knows are named and left alone (status 1).
    """
    found = upgraded(preset.PARAMS, preset.PRESETS / f"{preset.DEFAULT}.yaml")
    for key in found.added:
        print(f"{preset.PARAMS}: '{key}' is added with its default")
    if not found.added:
        print(f"{preset.PARAMS}: no key is lacking")
    if found.strange:
        command_line.show("", "\n".join(found.strange))
        raise typer.Exit(1)


def main(arguments: list[str]) -> int:
    """Read the command line and do it; the exit status."""
    is_name = bool(arguments) and arguments[0] not in _WORDS and not arguments[0].startswith("-")
    return command_line.run(app, ["use", *arguments] if is_name else arguments, "python -m command.preset")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
