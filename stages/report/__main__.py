"""`python -m stages.report`: everything that the stages measured, as one HTML page. See `stages.report.run`."""

import sys
from typing import TYPE_CHECKING

from cxr.runtime import stage_main

if TYPE_CHECKING:
    from cxr.runtime.stage_main import Body


def body() -> "Body":
    """The stage's work, imported after the environment is set."""
    from stages.report.run import report

    return report


if __name__ == "__main__":
    sys.exit(stage_main.run_stage("report", body))
