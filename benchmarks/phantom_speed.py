"""What a phantom costs on one core, in CPU time: `python benchmarks/phantom_speed.py [studies] [size]`.

The best of five rounds, as other work on the machine only adds to it.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.amounts import positive
from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load

import cv2

from stages.phantom.contact_sheet import SheetParams
from stages.phantom.plan import plan_studies
from stages.phantom.render import render_study
from stages.phantom.write import encoded


def milliseconds_each(work: Callable[[], object], count: int) -> float:
    """CPU milliseconds of a `count`-th of the work."""
    rounds = []
    for _ in range(5):
        start = time.process_time()
        work()
        rounds.append(time.process_time() - start)
    return 1000 * min(rounds) / count


def report(studies: int, size: int) -> str:
    """Rendering and PNG encoding of `studies` studies of `size` pixels a side, in a line."""
    cv2.setNumThreads(1)
    params = replace(SheetParams(), studies=studies)
    plans = list(plan_studies(params))
    images = [render_study(plan, size, params.seed).pixels for plan in plans]

    def render() -> None:
        """All studies once."""
        for plan in plans:
            render_study(plan, size, params.seed)

    drawn = milliseconds_each(render, studies)
    coded = milliseconds_each(lambda: [encoded(image) for image in images], studies)
    kilobytes = sum(len(encoded(image)) for image in images) / studies / 1000
    return (
        f"{size} x {size}, one core: rendering {drawn:.2f} ms ({1000 / drawn:.0f} images/s), "
        f"PNG {coded:.2f} ms and {kilobytes:.1f} kB"
    )


if __name__ == "__main__":
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("studies", type=positive, nargs="?", default=200)
    reader.add_argument("size", type=positive, nargs="?", default=256)
    given = reader.parse_args()
    print(report(given.studies, given.size))
