"""Milliseconds an image by block and threads, for model folders: `python benchmarks/inference_speed.py FOLDER...`.

From uint8 pixels to logits on the served path (`cxr.model.litert.Net`), best of three passes over 64 random images.
Says also whether every setting gave the same logits to the last bit.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load

import numpy as np

from cxr.model import model_folder
from cxr.model.litert import Net

IMAGES, PASSES = 64, 3


def measured(folder: Path, threads: int, block: int) -> tuple[float, np.ndarray]:
    """Milliseconds an image, and the logits."""
    shape = (IMAGES, *model_folder.read_card(folder).input.sides)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    net = Net(folder, threads, block)
    logits = net.logits(images)
    taken = []
    for _ in range(PASSES):
        start = time.perf_counter()
        net.logits(images)
        taken.append(time.perf_counter() - start)
    return min(taken) / IMAGES * 1000, logits


def main(folders: list[str]) -> None:
    """Print a table."""
    print(f"{'model':40} threads block  ms/image  same logits")
    for folder in map(Path, folders):
        first = None
        for threads in (1, 2):
            for block in (1, 2, 4, 8, 16):
                ms, logits = measured(folder, threads, block)
                first = logits if first is None else first
                print(f"{str(folder)[-40:]:40} {threads:7} {block:5} {ms:9.2f}  {np.array_equal(first, logits)}")


if __name__ == "__main__":
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("folders", nargs="+", metavar="FOLDER", help="model folder")
    main(reader.parse_args().folders)
