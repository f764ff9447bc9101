"""DenseNet121 (Huang et al. 2017, arXiv:1608.06993), Keras's: the net of CheXNet (Rajpurkar et al. 2017)."""

from typing import Any

import tf_keras as keras
from tf_keras import layers

from cxr.nets import backbone, imagenet
from cxr.nets.registry import Architecture

WEIGHTS = "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5"


def build(spec: dict[str, Any], weights: str | None) -> keras.Model:
    """A fresh DenseNet121 of a spec, with ImageNet weights where `weights` asks for them."""
    return backbone.flat("densenet121", keras.applications.DenseNet121, _scaled, WEIGHTS, spec, weights)


def _scaled(x: Any) -> Any:
    """Red, green, blue in 0..255, standardised by ImageNet's mean and standard deviation."""
    scale, offset = 1 / imagenet.STD, -imagenet.MEAN / imagenet.STD
    return layers.Rescaling(scale.tolist(), offset=offset.tolist(), name="scale")(x)


ARCHITECTURE = Architecture(build, portable=False)
