"""The end of every net: global average pooling, dropout, and a dense layer that gives the logits."""

from typing import Any

import tf_keras as keras
from tf_keras import layers

from cxr.nets.layers.dropout import CountedDropout

POOL = "pool"  # name of the layer whose output, float32 (n, channels), are the image's features
LOGITS = "logits"  # name of the last layer, float32 (n, outputs)


def with_head(name: str, inputs: Any, x: Any, outputs: int, dropout: float) -> keras.Model:
    """A net called `name`, from the feature maps `x`, float32 (n, h, w, channels); `dropout` is a rate in [0, 1)."""
    x = layers.GlobalAveragePooling2D(name=POOL)(x)
    if dropout:
        x = CountedDropout(dropout, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(outputs, name=LOGITS)(x), name=name)
