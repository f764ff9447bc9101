"""`python -m serving.predict MODEL_FOLDER IMAGE_OR_FOLDER... [--json]`.

Exit status 0 where at least one image was scored, 1 where none was or the model folder can't be used, 2 for a wrong
command line. Files that can't be read are named with the reason and do not stop the others.
"""
import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cxr.core.errors import HashMismatch, UserError
from cxr.model.litert import Net
from serving.predict.run import files, predict

_STATES = {True: "above", False: "below", None: "n/a"}


def main(arguments: list[str] | None = None) -> int:
    """Score the images and print a table, or JSON; the exit status."""
    options = _parser().parse_args(arguments)
    paths = files(options.images)
    if not paths:
        print("predict: no .png, .jpg or .jpeg file in the folders given", file=sys.stderr)
        return 1
    try:
        results = list(predict(Net(options.model, threads=options.threads), paths))
    except (UserError, HashMismatch, OSError, ValueError) as error:
        print(f"predict: {options.model}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(results, indent=2, ensure_ascii=False) if options.json else table(results))
    failed = [result for result in results if "error" in result]
    for result in failed:
        print(f"predict: {result['file']}: {result['error']}", file=sys.stderr)
    return 1 if len(failed) == len(results) else 0


def table(results: Iterable[dict[str, Any]]) -> str:
    """One line a file and label: file, label, probability, threshold, above or below."""
    rows = [("file", "label", "probability", "threshold", "crossed")]
    for result in results:
        rows += [(result["file"], f["label"], f"{f['probability']:.4f}", _number(f["threshold"]), _STATES[f["crossed"]])
                 for f in result.get("findings", [])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                     for row in rows)


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m serving.predict", description="Score chest radiographs with a model.")
    parser.add_argument("model", type=Path, help="model folder, for example models/base or models/compressed/int8")
    parser.add_argument("images", type=Path, nargs="+", help="image files, or folders that are searched through")
    parser.add_argument("--json", action="store_true", help="a JSON list of one object a file, instead of a table")
    parser.add_argument("--threads", type=int, default=1, help="LiteRT's threads; changes the speed alone")
    return parser
