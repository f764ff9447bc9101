"""How many phantoms a second one core renders: `python benchmarks/phantom_speed.py [studies] [size]`."""

import sys
import time
from dataclasses import replace

import cv2

from stages.phantom.contact_sheet import SheetParams
from stages.phantom.plan import plan_studies
from stages.phantom.render import render_study


def images_per_second(studies: int, size: int) -> float:
    """Render `studies` studies of `size` pixels a side on one thread and return the rate in 1/s."""
    cv2.setNumThreads(1)
    params = replace(SheetParams(), studies=studies, image_size=size)
    plans = list(plan_studies(params))
    render_study(plans[0], size, params.seed)
    start = time.process_time()
    for plan in plans:
        render_study(plan, size, params.seed)
    return studies / (time.process_time() - start)


if __name__ == "__main__":
    studies, size = [*map(int, sys.argv[1:]), 200, 256][:2] if len(sys.argv) < 3 else map(int, sys.argv[1:3])
    print(f"{images_per_second(studies, size):.0f} images/s, {size} x {size}, one core")
