"""ResNet50 (He et al. 2016, arXiv:1512.03385), Keras's: the model case. Its strided 1x1 convolutions are a sampling
and a 1x1 convolution, see `SampledConvolutions`."""

from functools import partial
from typing import Any

import numpy as np
import tf_keras as keras
from tf_keras import layers

from cxr.nets import backbone, imagenet
from cxr.nets.layers.sampled_convolution import SampledConvolutions
from cxr.nets.registry import Architecture

WEIGHTS = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"


def build(spec: dict[str, Any], weights: str | None) -> keras.Model:
    """A fresh ResNet50 of a spec, with ImageNet weights where `weights` asks for them."""
    application = partial(keras.applications.ResNet50, layers=SampledConvolutions())
    return backbone.flat("resnet50", application, _scaled, WEIGHTS, spec, weights)


def _scaled(x: Any) -> Any:
    """Red, green, blue in 0..255 to blue, green, red less ImageNet's mean."""
    return layers.Rescaling(1.0, offset=(-imagenet.MEAN[::-1]).tolist(), name="scale")(_blue_first(x))


def _blue_first(x: Any) -> Any:
    """Channels reversed by a fixed 1x1 convolution: ResNet50's weights expect blue, green, red."""
    flip = layers.Conv2D(
        3,
        1,
        use_bias=False,
        trainable=False,
        name="rgb_to_bgr",
        kernel_initializer=keras.initializers.Constant(np.eye(3)[::-1].reshape(1, 1, 3, 3)),
    )
    return flip(x)


ARCHITECTURE = Architecture(build, portable=False)
