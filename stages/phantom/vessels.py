"""Pulmonary vessels: a tree for each patient, which hangs on the hila and moves with them from study to study."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.phantom.drawing import Frame, Mask, Points, ribbons
from stages.phantom.plan import stream

_KNOTS = np.tile([0.02, 0.017, 0.014], 2)
_HEADINGS = np.linspace(-1.25, 1.3, 9)


@dataclass(frozen=True)
class VesselTree:
    """About their hilum: outlines (n, m, 2) of stems and trunks, curves (n, m, 2) of twigs, and knots (6, 2).

    The first half of each belongs to the right hilum, the second to the left.
    """

    stems: Points
    trunks: Points
    twigs: Points
    knots: Points


def _branches(start: Points, heading: NDArray[Any], reach: NDArray[Any], rng: np.random.Generator) -> Points:
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
        stems=ribbons(trunks[:, :4], 0.011),
        trunks=ribbons(trunks, 0.006),
        twigs=twigs[:, ::2],
        knots=rng.normal(0, 0.012, (6, 2)),
    )


def vessels(tree: VesselTree, hila: Points, frame: Frame, strength: float) -> Mask:
    """The vessels about both hila (2, 2), as a uint8 canvas whose brightest is `strength` steps."""
    at = np.repeat(hila, 27, axis=0)[:, None]
    canvas = frame.stroke(frame.blank(), tree.twigs + at, 0.004, round(0.47 * strength))
    frame.fill(canvas, tree.trunks + at[18:36], round(0.74 * strength), smooth=False)
    frame.fill(canvas, tree.stems + at[18:36], round(strength), smooth=False)
    return frame.discs(canvas, tree.knots + at[24:30, 0], _KNOTS, round(strength))
