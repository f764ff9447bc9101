"""`cxr predict`: findings of single image files, by a model folder."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from cxr.core.errors import HashMismatch, UserError
from cxr.model.litert import Net
from cxr.runtime import command_line
from serving.predict.run import files, predict

_STATES = {True: "above", False: "below", None: "n/a"}


app = command_line.application()
_MODEL = typer.Argument(
    help="model folder, for example models/base or models/compressed/int8",
    metavar="MODEL",
    parser=command_line.given_path,
    show_default=False,
)
_IMAGES = typer.Argument(
    help="image files, or folders that are searched through",
    metavar="IMAGE...",
    parser=command_line.given_path,
    show_default=False,
)


@command_line.command(
    app,
    "0 (at least one image was scored), 1 (none was, or the model folder can't be used), 2 "
    "(wrong command line). Files that can't be read are named and do not stop the others",
)
def scored(
    model: Annotated[Path, _MODEL],
    images: Annotated[list[Path], _IMAGES],
    as_json: Annotated[
        bool, typer.Option("--json", help="a JSON list of one object a file, instead of a table")
    ] = False,
    threads: Annotated[int, typer.Option(help="LiteRT's threads; changes the speed alone", min=1)] = 1,
) -> None:
    """Score chest radiographs with a model, and print a table, or JSON."""
    paths = files(images)
    if not paths:
        _fail("no .png, .jpg or .jpeg file in the folders given")
    try:
        results = list(predict(Net(model, threads=threads), paths))
    except (UserError, HashMismatch, OSError, ValueError) as error:
        _fail(f"{model}: {error}")
    print(json.dumps(results, indent=2, ensure_ascii=False) if as_json else table(results))
    failed = [result for result in results if "error" in result]
    for result in failed:
        command_line.show("predict", f"{result['file']}: {result['error']}")
    if len(failed) == len(results):
        raise typer.Exit(1)


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and score the images; the exit status."""
    return command_line.run(app, arguments, "python -m serving.predict")


def _fail(message: str) -> NoReturn:
    command_line.show("predict", message)
    raise typer.Exit(1)


def table(results: Iterable[dict[str, Any]]) -> str:
    """One line a file and label: file, label, probability, threshold, above or below."""
    rows = [("file", "label", "probability", "threshold", "crossed")]
    for result in results:
        rows += [
            (result["file"], f["label"], f"{f['probability']:.4f}", _number(f["threshold"]), _STATES[f["crossed"]])
            for f in result.get("findings", [])
        ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"
