"""`python -m stages.compress`: makes smaller variants of the trained net and chooses one. See `stages.compress.run`."""

import sys
from typing import TYPE_CHECKING

from cxr.runtime import stage_main

if TYPE_CHECKING:
    from cxr.runtime.stage_main import Body


def body() -> "Body":
    """The stage's work, imported after the environment is set."""
    from stages.compress.run import main

    return main


if __name__ == "__main__":
    sys.exit(stage_main.run_stage("compress", body, resumes=True))
