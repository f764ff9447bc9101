"""`python -m stages.phantom`: renders the default's batch. See `stages.phantom.run`."""

import sys
from typing import TYPE_CHECKING

from cxr.runtime import stage_main

if TYPE_CHECKING:
    from cxr.runtime.stage_main import Body


def body() -> "Body":
    """The stage's work, imported after the environment is set."""
    from stages.phantom.run import render

    return render


if __name__ == "__main__":
    sys.exit(stage_main.run_stage("phantom", body))
