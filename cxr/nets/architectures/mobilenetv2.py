"""MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381), Keras's, at its full width."""

from typing import Any

import tf_keras as keras
from tf_keras import layers

from cxr.nets import backbone
from cxr.nets.registry import Architecture

WEIGHTS = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"


def build(spec: dict[str, Any], weights: str | None) -> keras.Model:
    """A fresh MobileNetV2 of a spec, with ImageNet weights where `weights` asks for them."""
    return backbone.flat("mobilenetv2", keras.applications.MobileNetV2, _scaled, WEIGHTS, spec, weights)


def _scaled(x: Any) -> Any:
    """Red, green, blue in 0..255, scaled to -1..1."""
    return layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(x)


ARCHITECTURE = Architecture(build, portable=False)
