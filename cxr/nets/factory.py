"""Nets from their specs, with fresh weights or with those of a model folder.

Spec: {"net", "width", "dropout", "height", "input_width", "channels", "outputs"}.
"""

from pathlib import Path
from typing import Any

import tf_keras as keras

from cxr.model import model_folder
from cxr.nets import registry


def spec(net: str, *, width: int, dropout: float, shape: tuple[int, int, int], outputs: int) -> dict[str, Any]:
    """The JSON from which `build` makes the net again; `shape` is height, width (pixels), channels."""
    height, input_width, channels = shape
    return {
        "net": net,
        "width": width,
        "dropout": dropout,
        "height": height,
        "input_width": input_width,
        "channels": channels,
        "outputs": outputs,
    }


def build(spec: dict[str, Any], weights: str | None = None) -> keras.Model:
    """A fresh net with random weights, or with ImageNet weights in its backbone ("imagenet", or a path to an .h5).

    Raises ValueError for a net that is not known, MissingWeights where the weights file is not to be had.
    """
    return registry.find(spec["net"]).build(spec, weights)


def load(folder: Path) -> keras.Model:
    """The float net of a model folder with its weights; HashMismatch where a file has changed."""
    net = build(model_folder.read_spec(folder))
    net.set_weights(model_folder.read_weights(folder))
    return net
