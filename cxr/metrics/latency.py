"""How long one image takes, variant by variant, interleaved in one run; and what the times say against base's.

The only part of the pipeline whose results differ from run to run. One image at a time, from uint8 pixels to logits.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom

from cxr.model.litert import Net

WARM_UP = 3


def timed(nets: Mapping[str, Net], images: np.ndarray) -> dict[str, np.ndarray]:
    """Milliseconds of each image in each net, float64 (images,), for uint8 images (n, height, width, channels).

    For every image all nets run one after the other, each time another one first: a machine that slows down in
    between slows all of them.
    """
    return timed_each(nets, dict.fromkeys(nets, images))


def timed_each(nets: Mapping[str, Net], images: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """As `timed`, for nets that take images of different shapes: the same number of images for each net."""
    names = list(nets)
    for name in names:
        for image in images[name][:WARM_UP]:
            nets[name].logits(image[None])
    taken: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(len(images[names[0]])):
        first = turn % len(names)
        for name in [*names[first:], *names[:first]]:
            image = images[name][turn][None]
            start = time.perf_counter()
            nets[name].logits(image)
            taken[name].append((time.perf_counter() - start) * 1000)
    return {name: np.array(values) for name, values in taken.items()}


def figures(milliseconds: np.ndarray, base: np.ndarray) -> dict[str, Any]:
    """`ms_per_image` (median), `ms_p95`, and `speed_ratio` against base: above 1 is faster."""
    return {
        "ms_per_image": round(float(np.median(milliseconds)), 4),
        "ms_p95": round(float(np.percentile(milliseconds, 95)), 4),
        "speed_ratio": median_interval(base / milliseconds),
    }


def median_interval(values: np.ndarray) -> dict[str, float]:
    """Median with its 95 % interval by order statistics (no distribution assumed): {"median", "low", "high"}."""
    ordered = np.sort(values)
    rank = max(0, int(binom.ppf(0.025, len(ordered), 0.5)) - 1)
    return {
        "median": round(float(np.median(ordered)), 4),
        "low": round(float(ordered[rank]), 4),
        "high": round(float(ordered[len(ordered) - 1 - rank]), 4),
    }


def evenly_chosen(image_ids: Sequence[str], count: int) -> list[str]:
    """`count` ids (repeated where there are fewer) evenly out of all."""
    picks = np.linspace(0, len(image_ids), count, endpoint=False).astype(int)
    return [image_ids[pick] for pick in picks]


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's model name, without which a time says little; "unknown" where the system does not give it."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
