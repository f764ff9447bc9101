"""`cxr report`: where the report is."""

import sys
from pathlib import Path

import typer

from cxr.runtime import command_line

REPORT = Path("reports/index.html")
app = command_line.application()


@command_line.command(app, "0, 1 (there is none yet), 2 (wrong command line)")
def report() -> None:
    """Say where the report is, and what to do where there is none."""
    if not REPORT.exists():
        print("report: there is none yet: `make repro` makes it", file=sys.stderr)
        raise typer.Exit(1)
    print(REPORT.resolve())
