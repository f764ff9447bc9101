"""`python -m stages.feedback add TABLE.csv`: what became known of scored studies, for monitoring."""
import argparse
import sys
from pathlib import Path

from stages import production
from stages.feedback.labels import Refused, add
from stages.score.log import read as read_log


def main(arguments: list[str] | None = None) -> int:
    """0; 1 and readable lines where the table cannot be taken in."""
    given = _parser().parse_args(arguments)
    try:
        scored = read_log(given.production / "log")
        labels = [name.removeprefix("logit_") for name in scored.columns if name.startswith("logit_")]
        part, count = add(given.production / "feedback", given.table, scored, labels)
    except (Refused, OSError, UnicodeDecodeError, ValueError) as error:
        for line in str(error).splitlines():
            print(f"feedback: {line}", file=sys.stderr)
        return 1
    print(f"{count} labels taken in: {part}" if part else f"the same {count} labels stand already")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m stages.feedback", description=__doc__)
    words = parser.add_subparsers(dest="word", required=True)
    taken = words.add_parser("add", help="take in a table: image_id or source, and a column a label (0, 1, empty)")
    taken.add_argument("table", type=Path)
    taken.add_argument("--production", type=Path, default=production.place(), help="production folder")
    return parser


if __name__ == "__main__":
    sys.exit(main())
