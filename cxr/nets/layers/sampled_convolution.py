"""Keras's layers, but for strided 1x1 convolutions, whose gradient is not the same bytes every time."""

from collections.abc import Callable
from typing import Any

from tf_keras import layers


class SampledConvolutions:
    """Stands in for the module `keras.layers`: a strided 1x1 convolution takes every n-th pixel, then has stride 1.

    The same figures from the same weights. TensorFlow's gradient of the strided one has raced on a CPU with oneDNN:
    one and the same step gave other bytes (docs/explanation/reproducibility.md).
    """

    def __getattr__(self, name: str) -> Any:
        """Return Keras's own layer for every other name."""
        return getattr(layers, name)

    @staticmethod
    def Conv2D(filters: int, size: int, strides: int = 1, **options: Any) -> Callable[[Any], Any]:
        """As keras.layers.Conv2D; what it returns is to be called on a tensor."""
        if size != 1 or strides == 1:
            return layers.Conv2D(filters, size, strides=strides, **options)
        sampling = layers.MaxPooling2D(1, strides=strides, name=f"{options['name']}_sampling")
        convolution = layers.Conv2D(filters, 1, **options)
        return lambda x: convolution(sampling(x))
