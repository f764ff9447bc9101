"""Do the attributions depend on what was learned? Model-parameter randomisation (Adebayo et al. 2018, NeurIPS,
arXiv:1810.03292): a map that stays the same when the top of the net is scrambled shows the image, not the model."""

from collections.abc import Sequence

import numpy as np
import tf_keras as keras
from scipy.stats import spearmanr


def scramble_top(net: keras.Model, seed: int) -> None:
    """Permute, in place, the entries of each kernel in the upper half of the net's layers that have kernels.

    Permuting keeps every kernel's own distribution of values, so only what was learned is lost, not the scale.
    """
    random = np.random.default_rng(seed)
    layers = [layer for layer in net.layers if getattr(layer, "kernel", None) is not None and layer.trainable]
    for layer in layers[len(layers) // 2 :]:
        kernel = layer.kernel.numpy()
        layer.kernel.assign(random.permutation(kernel.ravel()).reshape(kernel.shape))


def correlation(maps: Sequence[np.ndarray], scrambled: Sequence[np.ndarray]) -> float:
    """Mean Spearman correlation of the maps' absolute values with those of the scrambled net; NaN where undefined."""
    pairs = [(np.abs(a).ravel(), np.abs(b).ravel()) for a, b in zip(maps, scrambled, strict=True)]
    usable = [float(spearmanr(a, b).statistic) for a, b in pairs if np.ptp(a) > 0 and np.ptp(b) > 0]
    return float(np.mean(usable)) if usable else float("nan")
