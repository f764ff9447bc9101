"""`python -m serving.feedback`: see `serving.feedback.command`."""

import sys

from cxr.core import determinism

if __name__ == "__main__":
    determinism.set_environment()  # before NumPy and OpenCV load
    from serving.feedback.command import main

    sys.exit(main(sys.argv[1:]))
