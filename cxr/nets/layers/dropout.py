"""Dropout whose mask is a function of (seed, number of calls), the count being one of the net's own weights: a
training resumed from a checkpoint draws the masks it would have drawn."""

from typing import Any

import tensorflow as tf
import tf_keras as keras


class CountedDropout(keras.layers.Layer):
    """Drops features with probability `rate` while training (Srivastava et al. 2014); nothing at inference."""

    def __init__(self, rate: float, **options: Any) -> None:
        """Drop each feature with probability `rate`, in [0, 1)."""
        super().__init__(**options)
        self.rate = rate

    def build(self, shape: Any) -> None:
        """Create the count of training calls, int64 scalar."""
        self.calls = self.add_weight("calls", (), tf.int64, initializer="zeros", trainable=False)
        super().build(shape)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The features kept, scaled by 1 / (1 - rate) while training; float32 of the same shape as `inputs`."""
        if not training:
            return inputs
        seed = tf.stack([tf.constant(4711, tf.int64), self.calls.assign_add(1)])
        return tf.nn.experimental.stateless_dropout(inputs, self.rate, seed=seed)

    def get_config(self) -> dict[str, Any]:
        """The arguments from which Keras rebuilds the layer."""
        return {**super().get_config(), "rate": self.rate}
