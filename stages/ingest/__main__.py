"""`python -m stages.ingest`: from a set's batches to the manifest. See `stages.ingest.run`."""

import sys
from typing import TYPE_CHECKING

from cxr.runtime import stage_main

if TYPE_CHECKING:
    from cxr.runtime.stage_main import Body


def body() -> "Body":
    """The stage's work, imported after the environment is set."""
    from stages.ingest.run import ingest

    return ingest


if __name__ == "__main__":
    sys.exit(stage_main.run_stage("ingest", body, resumes=True))
