"""How a command reads its command line: each area's `command.py` holds a Typer application made here.

`python -m AREA` and the word of `cxr` run the same application. A command ends by returning (status 0) or with
`typer.Exit`; a wrong command line ends with 2, Ctrl-C with 130.
"""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from cxr.core import environment

Body = Callable[..., None]
_HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


def application(about: str = "") -> typer.Typer:
    """A Typer application that has no commands yet. Given `about` it is a group, also while it has one command only."""
    app = typer.Typer(
        help=about or None,
        context_settings=_HELP,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=bool(about),
    )
    if about:
        app.callback()(_nothing)
    return app


def command(
    app: typer.Typer,
    exit_statuses: str,
    name: str | None = None,
    speaker: str = "",
    mendable: tuple[type[Exception], ...] = (),
    passes_on: bool = False,
) -> Callable[[Body], Body]:
    """Decorator that adds a function to an application; its `--help` closes with the exit statuses.

    Errors that a user can mend (`mendable`) end it with status 1; their lines are shown after `speaker: `. A command
    that `passes_on` finds what it does not know itself in its context's `args`.
    """
    extra: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True} if passes_on else {}

    def added(body: Body) -> Body:
        """The body, added as a command."""

        @functools.wraps(body)
        def explained(*given: Any, **named: Any) -> None:
            """The body, with what a user can mend shown in lines."""
            try:
                body(*given, **named)
            except BrokenPipeError:  # `| head` has read enough: Typer ends it in silence
                raise
            except mendable as error:
                show(speaker, error)
                raise typer.Exit(1) from None

        app.command(name, epilog=f"Exit status: {exit_statuses}.", context_settings=_HELP | extra)(explained)
        return body

    return added


def run(app: typer.Typer, arguments: Sequence[str] | None, name: str) -> int:
    """Read the command line (None: this process's), run what it asks for; the exit status.

    `name` is what usage lines call the command.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name=name)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def show(speaker: str, message: object) -> None:
    """Lines for people on standard error, each after `speaker: ` where one is named."""
    for line in str(message).splitlines():
        print(f"{speaker}: {line}" if speaker else line, file=sys.stderr)


def given_path(text: str) -> Path:
    """A path of the command line, which is relative to the folder where the user called `cxr`."""
    return environment.called_from() / text


def given_folder(text: str) -> Path:
    """A folder of the command line, as `given_path` reads it; typer.BadParameter where it is not there."""
    path = given_path(text)
    if not path.is_dir():
        raise typer.BadParameter(f"{path}: no such folder")
    return path


def _nothing() -> None:
    """What a group does before its command: nothing."""
