"""`python -m cxr.raw add|look`: see `cxr.raw.command`."""

import sys

from cxr.core import determinism

if __name__ == "__main__":
    determinism.set_environment()  # before NumPy and OpenCV load
    from cxr.raw.command import main

    sys.exit(main())
