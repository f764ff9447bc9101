"""ImageNet weights for Keras's backbones, from a file on this machine: nothing is ever downloaded."""

from pathlib import Path

import numpy as np
import tf_keras as keras

from cxr.core.errors import UserError

MEAN = np.array([123.68, 116.779, 103.939], np.float32)  # of ImageNet's images, 0..255: red, green, blue
STD = np.array([58.393, 57.12, 57.375], np.float32)


class MissingWeights(UserError):
    """ImageNet weights were asked for and are not on this machine; the message says what to put where."""


def weights_file(name: str, weights: str) -> Path:
    """The file named by `train.weights`, or, for "imagenet", the file `name` in Keras's cache.

    MissingWeights where it is not there.
    """
    cache = Path.home() / ".keras" / "models" / name
    path = cache if weights == "imagenet" else Path(weights)
    if not path.is_file():
        raise MissingWeights(
            f"train.weights: {weights}: {path} is not there. Put Keras's '{name}' at {cache}, or name a local "
            "copy in train.weights; `train.weights: null` trains from scratch."
        )
    return path


def load_weights(base: keras.Model, path: Path) -> None:
    """Fill the backbone from an .h5 of weights (arrays only, by layer name; no config in it is read).

    MissingWeights where the file is broken, or fewer than half of the backbone's arrays are in it.
    """
    before = [w.copy() for w in base.get_weights()]
    try:
        base.load_weights(str(path), by_name=True, skip_mismatch=False)
    except (OSError, KeyError, ValueError) as error:
        raise MissingWeights(f"{path}: not {base.name}'s ImageNet weights, or not whole ({error})") from error
    changed = sum(not np.array_equal(a, b) for a, b in zip(before, base.get_weights(), strict=True))
    if changed < len(before) // 2:
        raise MissingWeights(f"{path}: only {changed} of {len(before)} arrays fit this net: not its ImageNet weights")
