"""`python -m stages.report`."""
import sys

from stages.entry import run
from stages.report.run import report

if __name__ == "__main__":
    sys.exit(run("report", report))
