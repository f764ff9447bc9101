"""Keras's own backbones made flat, with a pooled linear head.

Their preprocessing (mean subtraction or scaling) is a layer of the net, so that every net takes grey levels 0..255.
"""

from collections.abc import Callable
from typing import Any

import tf_keras as keras
from tf_keras import layers

from cxr.nets import imagenet
from cxr.nets.layers.head import with_head


def flat(
    name: str,
    application: Callable[..., keras.Model],
    scaled: Callable[[Any], Any],
    weights_name: str,
    spec: dict[str, Any],
    weights: str | None,
) -> keras.Model:
    """A flat model: scaling, backbone, global average pooling, Dense(outputs) giving logits.

    `application` makes the backbone from `input_tensor` (a function of keras.applications), `scaled` takes three
    channels in 0..255 to what it was trained on, `weights_name` is Keras's file of its ImageNet weights. MissingWeights
    where `weights` ("imagenet", or a path) are not to be had.
    """
    path = imagenet.weights_file(weights_name, weights) if weights else None
    inputs = keras.Input((spec["height"], spec["input_width"], spec["channels"]), name="image")
    base = application(include_top=False, weights=None, input_tensor=scaled(_three_channels(inputs)))
    if path:
        imagenet.load_weights(base, path)
    return with_head(name, inputs, base.output, spec["outputs"], spec["dropout"])


def _three_channels(x: Any) -> Any:
    """A grey image three times over; a coloured one as it is."""
    return layers.Concatenate(name="grey_to_rgb")([x] * 3) if x.shape[-1] == 1 else x
