"""Pulmonary vessels: a tree for each patient, which hangs on the hila and moves with them from study to study."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.phantom.drawing import Frame, Mask, Points, ribbons
from stages.phantom.plan import stream

_HEADINGS = np.linspace(-1.25, 1.3, 9)


@dataclass(frozen=True)
class VesselTree:
    """Outlines about each hilum (2, n, m, 2) of stems, trunks and twigs, and the knots (2, 3, 2)."""

    stems: Points
    trunks: Points
    twigs: Points
    knots: Points


def _branches(
    start: Points, heading: NDArray[Any], reach: NDArray[Any], rng: np.random.Generator
) -> Points:
    """Wandering curves (n, 7, 2) from `start` (n, 2) that keep turning a little."""
    turns = heading[:, None] + np.cumsum(rng.normal(0, 0.19, (len(heading), 6)), axis=1)
    step = np.stack([np.cos(turns), np.sin(turns)], axis=2) * (reach[:, None, None] / 6)
    return np.concatenate([start[:, None], start[:, None] + np.cumsum(step, axis=1)], axis=1)


@lru_cache(maxsize=16)
def vessel_tree(seed: int, patient: int) -> VesselTree:
    """A patient's vessels: nine trunks a side with three twigs each. Kept, as a patient's studies come together."""
    rng = stream(seed, patient, 6)
    heading = np.tile(_HEADINGS, 2) + rng.normal(0, 0.1, 18)
    turn = np.where(np.arange(18) < 9, np.pi - heading, heading)
    trunks = _branches(np.zeros((18, 2)), turn, rng.uniform(0.12, 0.24, 18), rng)
    forks = trunks[:, [2, 4, 5]].reshape(-1, 2)
    angles = np.repeat(turn, 3) + rng.choice([-1, 1], 54) * rng.uniform(0.3, 0.75, 54)
    twigs = _branches(forks, angles, rng.uniform(0.06, 0.14, 54), rng)
    return VesselTree(
        stems=ribbons(trunks[:, :4], 0.011).reshape(2, 9, -1, 2),
        trunks=ribbons(trunks, 0.006).reshape(2, 9, -1, 2),
        twigs=ribbons(twigs, 0.0042).reshape(2, 27, -1, 2),
        knots=rng.normal(0, 0.012, (2, 3, 2)),
    )


def vessels(tree: VesselTree, hila: Points, frame: Frame, strength: float) -> Mask:
    """The vessels about both hila (2, 2), as a uint8 canvas whose brightest is `strength` steps."""
    canvas, at = frame.blank(), hila[:, None, None]
    for outlines, share in ((tree.twigs, 0.47), (tree.trunks, 0.74), (tree.stems, 1.0)):
        points = (outlines + at).reshape(-1, outlines.shape[2], 2)
        frame.fill(canvas, points, round(share * strength), smooth=False)
    knots = (tree.knots + hila[:, None]).reshape(-1, 2)
    return frame.discs(canvas, knots, np.tile([0.02, 0.017, 0.014], 2), round(strength))
