"""`python -m stages.validate`."""
import sys

from stages import entry
from stages.validate.run import validate

if __name__ == "__main__":
    sys.exit(entry.run("validate", validate))
