"""`python -m stages.explain`: see `stages.explain.run`."""
import sys

from stages.entry import run
from stages.explain.run import main

if __name__ == "__main__":
    sys.exit(run("explain", main))
