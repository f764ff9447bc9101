"""`cxr clean`: removes what can be made again and no output depends on."""

import shutil
from pathlib import Path

from cxr.runtime import command_line
from cxr.runtime.paths import RUNS

app = command_line.application()


@command_line.command(app, "0, 2 (wrong command line)")
def clean() -> None:
    """Remove caches and counts of work (.cache, .runs) of this project; outputs, .venv and CXR_CACHE stay."""
    for folder in (Path(".cache"), RUNS):
        if folder.exists():
            shutil.rmtree(folder)
            print(f"removed {folder}")
