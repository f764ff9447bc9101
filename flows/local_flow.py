"""The pipeline in this folder as a Prefect flow: the same function, reported to the server of PREFECT_API_URL."""
from pathlib import Path
from typing import Any

from prefect import flow

from flows.pipeline import run


@flow(name="pipeline-here", persist_result=False, validate_parameters=False)
def pipeline(parameters: dict[str, Any]) -> list[str]:
    """Run what is stale in this folder; addresses of what was."""
    return run(Path.cwd(), parameters)
