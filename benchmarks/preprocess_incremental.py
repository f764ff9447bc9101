"""What one new image costs, against a full run: seconds and counts of `python -m stages.preprocess`.

    python benchmarks/preprocess_incremental.py [--images 1000] [--side 1024] [--workers 2]

Renders images of NIH's size into a temporary set, then times: everything from nothing; nothing new, with the output
deleted as DVC deletes it; one image added, with the earlier output at hand (as a run by hand or DVC's cache has it)
and with the per-image cache alone. Start-up of Python is included, and shown by itself.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "data")]

import numpy as np

from benchmarks.amounts import positive
from tests.fixtures.toy_set import Toy

CASES = (  # name, whether an image is added before, what is deleted before
    ("full run, empty cache", False, ()),
    ("nothing new, cache alone", False, ("data/processed",)),
    ("one more image, cache alone", True, ("data/processed",)),
    ("one more image, earlier output at hand", True, ()),
    ("one more image, earlier output, empty cache", True, (".cache",)),
)


def radiograph(seed: int, side: int) -> np.ndarray:
    """Smooth shadows with film noise, uint8 (side, side): compresses about as a chest film does."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:side, 0:side] / side
    shadows = 120 + 80 * np.sin(6 * columns + rng.uniform(0, 3)) * np.cos(4 * rows + rng.uniform(0, 3))
    return np.clip(shadows + rng.normal(0, 3, (side, side)), 0, 255).astype(np.uint8)


def stage(top: Path, workers: int) -> tuple[float, dict[str, int]]:
    """Seconds and counts of one run of the stage."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "stages.preprocess"],
        cwd=top,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CXR_WORKERS": str(workers)},
    )
    return time.perf_counter() - start, json.loads((top / ".runs/preprocess.json").read_text())


def measure(top: Path, images: int, side: int, workers: int) -> None:
    """Make the set, run the cases, print a table."""
    toy = Toy(top, size=256, buckets=32)
    for seed in range(images):
        toy.write(f"{seed:06d}.png", radiograph(seed, side))
    print(f"{images} images of {side} x {side}, {workers} processes, 256 x 256 with CLAHE, 32 shards\n")
    print(f"{'case':<44}{'seconds':>8}{'ratio':>8}  decoded  rewritten  unchanged")
    full = 0.0
    for case, fresh, gone in CASES:
        if fresh:
            images += 1
            toy.write(f"{images:06d}.png", radiograph(images, side))
        for name in gone:
            shutil.rmtree(top / name)
        toy.write_manifest(top)
        toy.write_params(top)
        seconds, counts = stage(top, workers)
        full = full or seconds
        print(
            f"{case:<44}{seconds:>8.2f}{seconds / full:>8.4f}  {counts['decoded']:>7}  "
            f"{counts['shards_rewritten']:>9}  {counts['shards_unchanged']:>9}"
        )
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import stages.preprocess.run"], cwd=ROOT, check=True)
    print(f"{'of which start-up of Python':<44}{time.perf_counter() - start:>8.2f}")


def main() -> None:
    """Read the command line and measure in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=positive, default=1000)
    parser.add_argument("--side", type=positive, default=1024)
    parser.add_argument("--workers", type=positive, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.images, options.side, options.workers)


if __name__ == "__main__":
    main()
