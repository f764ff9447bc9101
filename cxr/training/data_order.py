"""The order in which training sees its images: a function of (seed, epoch), whatever happened before."""

import numpy as np


def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """Positions 0..count-1 shuffled, int64 (count,)."""
    return np.random.default_rng([seed, epoch, 0]).permutation(count)


def minibatches(count: int, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Positions of each step of an epoch, int64 (batch_size,); a last minibatch under half the size is left out."""
    order = epoch_order(count, seed, epoch)
    steps = steps_per_epoch(count, batch_size)
    return [order[step * batch_size : (step + 1) * batch_size] for step in range(steps)]


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Steps of one epoch (at least one)."""
    return max(1, round(count / batch_size))


def image_generator(seed: int, epoch: int, position: int) -> np.random.Generator:
    """The random state of one image in one epoch: the same on any number of threads."""
    return np.random.default_rng([seed, epoch, 1, position])
