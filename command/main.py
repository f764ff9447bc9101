"""`cxr WORD`: everything that a user does with the project, from any folder in it."""

import importlib
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from command import project
from command.words import WORDS, Word

_NAME = "cxr"
_OWN = ("cxr", "stages", "serving", "flows", "command")
_HELP = {"help_option_names": ["-h", "--help"]}
_EPILOG = (
    "`cxr WORD --help` has a word's options and exit statuses. Common to all: 0, 1 (an error, said in a line), "
    "2 (wrong command line), 130 (interrupted: the same command goes on)."
)


class Words(TyperGroup):
    """The words: `--help` lists them by chapter and imports none, a called one is imported."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """(name, the word's own command, the arguments after it). A wrong word ends with a suggestion and status 2."""
        name, _, rest = super().resolve_command(ctx, args)
        folder = ctx.params.get("folder")  # the callback has not run yet
        return name, _imported(str(name), Path(folder) if folder else None, own_process=bool(ctx.obj)), rest

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The words by chapter, each with its line."""
        for chapter in dict.fromkeys(word.chapter for word in WORDS.values()):
            with formatter.section(chapter):
                formatter.write_dl([(name, word.about) for name, word in WORDS.items() if word.chapter == chapter])


app = typer.Typer(
    cls=Words,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    epilog=_EPILOG,
    context_settings=_HELP,
)


@app.callback()
def begin(
    folder: Annotated[
        Path | None,
        typer.Option(
            "--project", metavar="FOLDER", help=("the project's folder (default: the first one upwards from here)")
        ),
    ] = None,
) -> None:
    """Chest X-rays to a trained, compressed, measured, explained and watched classifier."""


def _imported(name: str, folder: Path | None, own_process: bool) -> Any:
    """A word's command, imported in the project's folder; what libraries say then has a log in a process of its own."""
    word = WORDS[name]
    try:
        start = project.working_folder()
        project.enter(project.find(folder, start), start)
    except project.NoProject as error:
        if word.needs_project:
            print(f"{_NAME}: {error}", file=sys.stderr)
            raise typer.Exit(1) from error
        project.settle_environment()
    if own_process and word.module.startswith("serving."):
        from cxr.runtime import library_log  # not where `cxr --help` would wait for it

        library_log.divert_in_project(name)
    return typer.main.get_command(importlib.import_module(word.module).app)


def _placeholder(name: str, word: Word) -> None:
    def nothing() -> None:
        """Stands in the list for a word that is not imported."""

    app.command(name, help=word.about)(nothing)


for _name, _word in WORDS.items():
    _placeholder(_name, _word)


def run() -> None:
    """What the script `cxr` calls."""
    sys.exit(main(own_process=True))


def main(arguments: list[str] | None = None, own_process: bool = False) -> int:
    """Read the command line, run what it asks for; the exit status.

    Where that is all this process does (`own_process`), what libraries say goes to a log (`cxr.runtime.library_log`).
    """
    try:
        app(args=arguments, prog_name=_NAME, obj=own_process)
    except SystemExit as end:
        return int(end.code or 0)
    except ImportError as error:  # of a set-up that only scores, or of a project with older code
        if str(error.name).partition(".")[0] in _OWN:
            return _of_another_age(error)
        print(f"{_NAME}: this needs {error.name}, which this set-up lacks: `make setup`", file=sys.stderr)
        return 1
    return 0


def _of_another_age(error: ImportError) -> int:
    """Say that the project's code does not fit this command, where it is another checkout's; else it is our fault."""
    if Path.cwd() == Path(__file__).resolve().parents[1]:
        raise error
    print(
        f"{_NAME}: the code in {Path.cwd()} is of another version ({error}): use that project's own .venv/bin/cxr, "
        "which `make setup` makes there",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    run()
