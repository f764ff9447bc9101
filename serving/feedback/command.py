"""`cxr feedback`: what became known of scored studies, for monitoring and retraining."""

from pathlib import Path
from typing import Annotated

import typer

from cxr.core.errors import UserError
from cxr.params import ParamsError, load
from cxr.raw.layouts.registry import layout_for
from cxr.raw.names import is_batch_name
from cxr.runtime import command_line
from serving.feedback import batch
from serving.log.file_names import FileNames
from serving.log.labels import FeedbackRefused, add, read
from serving.log.scoring_log import read as read_log
from serving.registry import releases

app = command_line.application("Take in what became known of scored studies, or make a batch of them for retraining.")
_STATUSES = "0, 1 (the table can't be taken in, or no batch made: said in lines), 2 (wrong command line)"
_MENDABLE = (ParamsError, UserError, OSError, ValueError)
_TABLE = typer.Argument(
    help="a table: image_id or source, and a column a label (0, 1, empty)",
    metavar="TABLE",
    parser=command_line.given_path,
    show_default=False,
)
_NAME = typer.Argument(help="of the folder in production/inbox", metavar="NAME", show_default=False)
_IMAGES = typer.Option(
    help="the scored folder (default: score.folder of params.yaml)", parser=command_line.given_folder, metavar="FOLDER"
)
_PRODUCTION = typer.Option(
    help="production folder (default: CXR_PRODUCTION, else production)",
    parser=command_line.given_path,
    metavar="FOLDER",
)


@command_line.command(app, _STATUSES, name="add", speaker="feedback", mendable=_MENDABLE)
def add_labels(table: Annotated[Path, _TABLE], production: Annotated[Path | None, _PRODUCTION] = None) -> None:
    """Take in a table of labels, and say how many came in."""
    folder = production or releases.production_folder()
    scored = read_log(folder / "log")
    part, count = add(folder / "feedback", table, FileNames(Path()).known(scored), _labels(list(scored.columns)))
    print(f"{count} labels taken in: {part}" if part else f"the same {count} labels stand already")


@command_line.command(app, _STATUSES, name="batch", speaker="feedback", mendable=_MENDABLE)
def make_batch(
    name: Annotated[str, _NAME],
    images: Annotated[Path | None, _IMAGES] = None,
    production: Annotated[Path | None, _PRODUCTION] = None,
) -> None:
    """Put the scored images with their feedback into the inbox of retraining, and say what was left out."""
    if not is_batch_name(name):
        raise FeedbackRefused(f"{name!r} can't be a batch's name: letters, digits, dot, dash, underscore")
    params, folder = load(), production or releases.production_folder()
    scored = read_log(folder / "log")
    known = read(folder / "feedback", _labels(list(scored.columns)))
    source = images or Path(params.score.folder)
    writer = layout_for(params.ingest).writer(source)
    made = batch.make(scored, known, source, folder / "inbox" / name, writer)
    print(f"{made.studies} studies wait in production/inbox/{name}; {batch.in_words(made.left_out)}")


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m serving.feedback")


def _labels(columns: list[str]) -> list[str]:
    """The labels of a scoring log by its columns."""
    return [name.removeprefix("logit_") for name in columns if name.startswith("logit_")]
