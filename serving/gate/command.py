"""`cxr gate`: judges what the pipeline made here against what is in production."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cxr.core import errors
from cxr.params import Params
from cxr.runtime import command_line, stage_main
from cxr.runtime.hand_over import GateVerdict
from serving.gate import needs, run
from serving.registry import releases

STAYS = 3

app = command_line.application()
_OUT = typer.Option(help="where gate.json and gate.md go", parser=command_line.given_path, metavar="FOLDER")


@command_line.command(app, "0 (promote), 3 (the champion stays), 1 (they can't be compared), 2 (wrong command line)")
def gate(
    out: Annotated[Path | None, _OUT] = None,
    only_needs: Annotated[
        bool, typer.Option("--needs", help="only print as JSON which files of the pipeline the comparison reads")
    ] = False,
    version: Annotated[str, typer.Option(help="what the new model is recorded as, for the words")] = "",
) -> None:
    """Judge what the pipeline made here against what is in production; needs --out or --needs."""
    if (out is None) != only_needs:
        raise typer.BadParameter("give --out or --needs", param_hint="--out")
    if out is None:
        raise typer.Exit(stage_main.run("gate", _print_needs))
    raise typer.Exit(_judged(out, version))


def main(arguments: list[str]) -> int:
    """Read the command line and judge; the exit status."""
    return command_line.run(app, arguments, "python -m serving.gate")


def _print_needs(params: Params) -> None:
    print(json.dumps(needs.paths(params, releases.production_folder())))


def _judged(out: Path, version: str) -> int:
    """Write gate.json and gate.md to the folder, print the words; the exit status."""
    found: list[GateVerdict] = []

    def judge(params: Params) -> None:
        """Hold what is in production against the new model, and show the verdict."""
        try:
            release = releases.current(releases.production_folder())
        except releases.NothingInProduction as error:
            raise errors.UserError(str(error)) from error
        found.append(run.main(params, release, out, version))
        print((out / "gate.md").read_text())

    status = stage_main.run("gate", judge)
    return status or (0 if found[0].promotes else STAYS)
