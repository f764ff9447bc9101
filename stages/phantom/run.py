"""Renders the embedded default's batch, with the parameters of the section `phantom`."""

from pathlib import Path

from cxr.core.files import atomic_folder
from cxr.params import Params
from stages.phantom.write import write_batch

RAW = Path("data/raw/phantom")


def render(params: Params) -> dict[str, int]:
    """Write data/raw/phantom/<batch>/, whole or not at all, and return how many studies were rendered."""
    with atomic_folder(RAW / params.phantom.batch) as folder:
        count = write_batch(folder, params.phantom)
    print(f"{count} studies in {RAW / params.phantom.batch}")
    return {"studies_rendered": count}
