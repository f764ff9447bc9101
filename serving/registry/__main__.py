"""`python -m serving.registry`: see `serving.registry.command`."""

import sys

from cxr.core import determinism

if __name__ == "__main__":
    determinism.set_environment()  # before NumPy and OpenCV load
    from serving.registry.command import main

    sys.exit(main(sys.argv[1:]))
