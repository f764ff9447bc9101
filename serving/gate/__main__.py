"""`python -m serving.gate`: see `serving.gate.command`."""

import sys

from cxr.core import determinism
from cxr.runtime import library_log

if __name__ == "__main__":
    determinism.set_environment()  # before NumPy and OpenCV load
    library_log.divert_in_project("gate")
    from serving.gate.command import main

    sys.exit(main(sys.argv[1:]))
