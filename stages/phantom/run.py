"""Renders the embedded default's batch, with the parameters of the section `phantom`."""

import logging
from pathlib import Path

from cxr.core.files import atomic_folder
from cxr.params import Params
from stages.phantom.write import write_batch

RAW = Path("data/raw/phantom")

logger = logging.getLogger(__name__)


def render(params: Params) -> dict[str, int]:
    """Write data/raw/phantom/<batch>/, whole or not at all, and return how many studies were rendered."""
    with atomic_folder(RAW / params.phantom.batch) as folder:
        count = write_batch(folder, params.phantom)
    logger.info("%d studies in %s", count, RAW / params.phantom.batch)
    return {"studies_rendered": count}
