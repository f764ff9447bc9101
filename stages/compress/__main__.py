"""`python -m stages.compress`: see `stages.compress.run`."""
import sys

from stages.compress.run import main
from stages.entry import run

if __name__ == "__main__":
    sys.exit(run("compress", main, resumes=True))
