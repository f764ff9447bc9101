"""`python -m stages.validate`: the manifest held against its expectations. See `stages.validate.run`."""

import sys
from typing import TYPE_CHECKING

from cxr.runtime import stage_main

if TYPE_CHECKING:
    from cxr.runtime.stage_main import Body


def body() -> "Body":
    """The stage's work, imported after the environment is set."""
    from stages.validate.run import validate

    return validate


if __name__ == "__main__":
    sys.exit(stage_main.run_stage("validate", body))
