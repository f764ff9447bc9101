"""`python -m stages.evaluate`: see `stages.evaluate.run`."""
import sys

from stages.entry import run
from stages.evaluate.run import main

if __name__ == "__main__":
    sys.exit(run("evaluate", main))
