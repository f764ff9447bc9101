"""Render the embedded default's batch: `python -m stages.phantom`, parameters from params.yaml."""

from pathlib import Path

from stages.artifacts import atomic_folder
from stages.params import load
from stages.phantom.write import write_batch

RAW = Path("data/raw/phantom")


def main() -> None:
    """Write data/raw/phantom/<batch>/, whole or not at all."""
    params = load().phantom
    with atomic_folder(RAW / params.batch) as folder:
        count = write_batch(folder, params)
    print(f"{count} studies in {RAW / params.batch}")


if __name__ == "__main__":
    main()
