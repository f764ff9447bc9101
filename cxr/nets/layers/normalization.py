"""Batch normalization (Ioffe & Szegedy 2015, arXiv:1502.03167) whose bytes do not depend on the make of processor.

Keras's own divides by a root that each make of processor approximates in its own way (the instruction `rsqrt`), and
its fused form sums in an order that follows the size of the caches. Here the root and the division are exact (IEEE
754), which costs nothing: there is one of each for a channel.
"""

from typing import Any

import tensorflow as tf
import tf_keras as keras


class BatchNormalization(keras.layers.Layer):
    """Normalizes each channel, float32 (n, H, W, C): by the minibatch while training, by moving averages otherwise.

    Weights, each (C,): gamma, beta, moving_mean, moving_variance, as in Keras's layer.
    """

    def __init__(self, momentum: float = 0.9, epsilon: float = 1e-3, **options: Any) -> None:
        """`momentum` of the moving averages, in [0, 1); `epsilon` is added to the variance."""
        super().__init__(**options)
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, shape: Any) -> None:
        """Create gamma, beta and the two moving averages, one value a channel."""
        size = (shape[-1],)
        self.gamma = self.add_weight("gamma", size, initializer="ones")
        self.beta = self.add_weight("beta", size, initializer="zeros")
        self.moving_mean = self.add_weight("moving_mean", size, initializer="zeros", trainable=False)
        self.moving_variance = self.add_weight("moving_variance", size, initializer="ones", trainable=False)
        super().build(shape)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """`inputs` normalized, float32 (n, H, W, C); while training it also moves the averages."""
        mean, variance = self.moving_mean, self.moving_variance
        if training:
            mean, variance = tf.nn.moments(inputs, [0, 1, 2])
            self.moving_mean.assign_add((mean - self.moving_mean) * (1 - self.momentum))
            self.moving_variance.assign_add((variance - self.moving_variance) * (1 - self.momentum))
        # a plain division by a root would be rewritten, when the net is converted, to the processor's own `rsqrt`
        scale = tf.math.divide_no_nan(self.gamma, tf.sqrt(variance + self.epsilon))
        return inputs * scale + (self.beta - mean * scale)

    def get_config(self) -> dict[str, Any]:
        """The arguments from which Keras rebuilds the layer."""
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}
