"""`python -m stages.evaluate`: measures every variant on the test split. See `stages.evaluate.run`."""

import sys
from typing import TYPE_CHECKING

from cxr.runtime import stage_main

if TYPE_CHECKING:
    from cxr.runtime.stage_main import Body


def body() -> "Body":
    """The stage's work, imported after the environment is set."""
    from stages.evaluate.run import main

    return main


if __name__ == "__main__":
    sys.exit(stage_main.run_stage("evaluate", body))
