"""`python -m stages.preprocess`: from the batches' files to uint8 shards. See `stages.preprocess.run`."""

import sys
from typing import TYPE_CHECKING

from cxr.runtime import stage_main

if TYPE_CHECKING:
    from cxr.runtime.stage_main import Body


def body() -> "Body":
    """The stage's work, imported after the environment is set."""
    from stages.preprocess.run import preprocess

    return preprocess


if __name__ == "__main__":
    sys.exit(stage_main.run_stage("preprocess", body, resumes=True))
