"""`python -m stages.preprocess`: see `stages.preprocess.run`."""
import sys

from stages import entry
from stages.preprocess.run import preprocess

if __name__ == "__main__":
    sys.exit(entry.run("preprocess", preprocess, resumes=True))
