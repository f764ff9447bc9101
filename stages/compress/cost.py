"""What a net costs: bytes, zipped bytes, zeros in its kernels, multiply-adds of one image. Never its speed."""

import gzip
import math

import numpy as np
import tf_keras as keras


def zipped_bytes(content: bytes) -> int:
    """Size after gzip at its highest level, with an empty header: zeros left by pruning show here."""
    return len(gzip.compress(content, compresslevel=9, mtime=0))


def sparsity_by_layer(net: keras.Model) -> dict[str, float]:
    """Layer name to the fraction of zeros in its kernels (convolutions, depthwise convolutions, dense layers)."""
    return {name: 1 - np.count_nonzero(flat) / flat.size for name, flat in _kernels(net).items()}


def sparsity(net: keras.Model) -> float:
    """Fraction of zeros over all kernels of the net."""
    kernels = _kernels(net).values()
    return 1 - sum(np.count_nonzero(flat) for flat in kernels) / sum(flat.size for flat in kernels)


def multiply_adds(net: keras.Model) -> int:
    """Multiply-adds of one image: convolutions, depthwise and separable convolutions and dense layers.

    Zeros are counted like any weight: unstructured pruning saves no work in the kernels that run it.
    """
    return sum(_layer_multiply_adds(layer) for layer in net.layers)


def _layer_multiply_adds(layer: keras.layers.Layer) -> int:
    """Multiply-adds of one layer for one image: kernel weights times output pixels; 0 for layers without kernel."""
    pixels = math.prod(layer.output_shape[1:-1]) if isinstance(layer.output_shape, tuple) else 0
    return pixels * sum(math.prod(kernel.shape) for kernel in _layer_kernels(layer))


def _layer_kernels(layer: keras.layers.Layer) -> list[np.ndarray]:
    """Every kernel weight is used once for each output pixel: true of conv, depthwise, pointwise and dense kernels."""
    names = ("kernel", "depthwise_kernel", "pointwise_kernel")
    found = (getattr(layer, name, None) for name in names)
    return [kernel.numpy() for kernel in found if kernel is not None]


def _kernels(net: keras.Model) -> dict[str, np.ndarray]:
    """Layer name to its kernels, flat, float32."""
    by_layer = ((layer.name, _layer_kernels(layer)) for layer in net.layers)
    return {name: np.concatenate([k.ravel() for k in kernels]) for name, kernels in by_layer if kernels}
