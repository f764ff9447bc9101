"""Feeds training: minibatches of (images, targets), read and augmented by threads ahead of the step that needs them.

The same bytes for any number of threads: what a minibatch holds is a function of (seed, epoch, step) alone.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from cxr.core import environment
from cxr.data.shards import Shards
from cxr.params.learning import Augment
from cxr.training import data_order
from cxr.training.augmentation import augmented

_AHEAD = 4


@dataclass(frozen=True)
class Feed:
    """Images of one split, in a fixed order, with their targets (float32 (images, labels))."""

    shards: Shards
    image_ids: list[str]
    targets: np.ndarray

    def __len__(self) -> int:
        """Number of images in the split."""
        return len(self.image_ids)

    def epoch(
        self, augmentation: Augment, batch_size: int, seed: int, epoch: int, first_step: int = 0
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Minibatches of an epoch from `first_step` on: float32 images (n, H, W, C) in 0..255, float32 targets."""
        steps = data_order.minibatches(len(self), batch_size, seed, epoch)[first_step:]
        with ThreadPoolExecutor(environment.workers()) as pool:
            waiting: list[Future[np.ndarray]] = []
            for step, positions in enumerate(steps):
                for ahead in range(step + len(waiting), min(step + _AHEAD, len(steps))):
                    waiting.append(pool.submit(self._minibatch, steps[ahead], augmentation, seed, epoch))
                yield waiting.pop(0).result(), self.targets[positions]

    def in_order(self, batch_size: int) -> Iterator[np.ndarray]:
        """All images in the split's order, float32 (n, H, W, C) in 0..255, without augmentation."""
        for images in self.shards.minibatches(self.image_ids, batch_size):
            yield images.astype(np.float32)

    def _minibatch(self, positions: np.ndarray, augmentation: Augment, seed: int, epoch: int) -> np.ndarray:
        """The augmented images at these positions of the split, float32 (n, H, W, C)."""
        images = np.empty((len(positions), *self.shards.image_shape), np.float32)
        for row, position in enumerate(positions):
            random = data_order.image_generator(seed, epoch, int(position))
            images[row] = augmented(self.shards.image(self.image_ids[position]), augmentation, random)
        return images
