"""`python -m stages.ingest`: see `stages.ingest.run`."""
import sys

from stages import entry
from stages.ingest.run import ingest

if __name__ == "__main__":
    sys.exit(entry.run("ingest", ingest, resumes=True))
