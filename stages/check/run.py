"""Holds params.yaml against the schema. What it writes is constant, so that a changed parameter makes only those stages
stale that track its section."""

import sys
from pathlib import Path

from cxr.core.files import write_text
from cxr.params import ParamsError, load


def main() -> int:
    """Check params.yaml, write `data/params.ok`; 1 and a line for each fault where it does not fit."""
    try:
        load()
    except ParamsError as error:
        print(error, file=sys.stderr)
        return 1
    write_text(Path("data/params.ok"), "params.yaml fits the schema\n")
    return 0
