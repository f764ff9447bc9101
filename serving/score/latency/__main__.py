"""`python -m serving.score.latency MODEL FOLDER...`: see `serving.score.latency.measure`."""
import sys

from cxr.core import determinism

if __name__ == "__main__":
    determinism.set_environment()  # before NumPy and OpenCV load
    from serving.score.latency.measure import main

    sys.exit(main(sys.argv[1:]))
