"""`python -m serving.feedback add TABLE.csv`: what became known of scored studies, for monitoring.

`python -m serving.feedback batch NAME --images FOLDER`: the same studies as a batch in production/inbox, to retrain.
"""
import argparse
import sys
from pathlib import Path

from cxr.core.errors import UserError
from cxr.params import load
from cxr.raw.layouts.registry import layout_for
from cxr.raw.names import is_batch_name
from serving.feedback import batch
from serving.log.labels import FeedbackRefused, add, read
from serving.log.scoring_log import read as read_log
from serving.registry import releases


def main(arguments: list[str] | None = None) -> int:
    """0; 1 and readable lines where the table cannot be taken in."""
    given = _parser().parse_args(arguments)
    try:
        print({"add": _add, "batch": _batch}[given.word](given))
    except (UserError, OSError, ValueError) as error:
        for line in str(error).splitlines():
            print(f"feedback: {line}", file=sys.stderr)
        return 1
    return 0


def _add(given: argparse.Namespace) -> str:
    """Take in a table of labels; a line that says how many came in."""
    scored = read_log(given.production / "log")
    part, count = add(given.production / "feedback", given.table, scored, _labels(list(scored.columns)))
    return f"{count} labels taken in: {part}" if part else f"the same {count} labels stand already"


def _batch(given: argparse.Namespace) -> str:
    """Make a batch for a retraining; a line that says where it waits, and what was left out."""
    if not is_batch_name(given.name):
        raise FeedbackRefused(f"{given.name!r} can't be a batch's name: letters, digits, dot, dash, underscore")
    params = load()
    scored = read_log(given.production / "log")
    known = read(given.production / "feedback", _labels(list(scored.columns)))
    images = given.images or Path(params.score.folder)
    writer = layout_for(params.ingest).writer(images)
    made = batch.make(scored, known, images, given.production / "inbox" / given.name, writer)
    return f"{made.studies} studies wait in production/inbox/{given.name}; {batch.in_words(made.left_out)}"


def _labels(columns: list[str]) -> list[str]:
    """The labels of a scoring log by its columns."""
    return [name.removeprefix("logit_") for name in columns if name.startswith("logit_")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m serving.feedback", description=__doc__)
    words = parser.add_subparsers(dest="word", required=True)
    taken = words.add_parser("add", help="take in a table: image_id or source, and a column a label (0, 1, empty)")
    taken.add_argument("table", type=Path)
    made = words.add_parser("batch", help="put the scored images with their feedback into the inbox of retraining")
    made.add_argument("name", help="of the folder in production/inbox")
    made.add_argument("--images", type=Path, help="the scored folder (default: score.folder of params.yaml)")
    for each in (taken, made):
        each.add_argument("--production", type=Path, default=releases.production_folder(), help="production folder")
    return parser
