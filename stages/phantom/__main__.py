"""Render the embedded default's batch: `python -m stages.phantom`, parameters from params.yaml."""

import sys
from pathlib import Path

from stages import entry
from stages.artifacts import atomic_folder
from stages.params import Params
from stages.phantom.write import write_batch

RAW = Path("data/raw/phantom")


def render(params: Params) -> dict[str, int]:
    """Write data/raw/phantom/<batch>/, whole or not at all, and return how many studies were rendered."""
    with atomic_folder(RAW / params.phantom.batch) as folder:
        count = write_batch(folder, params.phantom)
    print(f"{count} studies in {RAW / params.phantom.batch}")
    return {"studies_rendered": count}


if __name__ == "__main__":
    sys.exit(entry.run("phantom", render))
