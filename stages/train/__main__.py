"""`python -m stages.train`: see `stages.train.run`."""
import sys

from stages.entry import run
from stages.train.run import main

if __name__ == "__main__":
    sys.exit(run("train", main, resumes=True))
