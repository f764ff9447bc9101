"""A small residual net of ours, made for two cores: a strided stem, four residual stages, global average pooling.

Two things are as they are for the same bytes' sake (docs/explanation/reproducibility.md): a shortcut that halves the
image is an average pooling and a 1x1 convolution, never a strided 1x1 convolution, and the normalization is ours.
"""

from typing import Any

import tf_keras as keras
from tf_keras import layers

from cxr.nets.layers.head import with_head
from cxr.nets.layers.normalization import BatchNormalization
from cxr.nets.registry import Architecture


def _conv(x: Any, channels: int, kernel: int, stride: int, name: str) -> Any:
    """A convolution without bias, padded to keep the size (divided by the stride), and its normalization."""
    x = layers.Conv2D(
        channels,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return BatchNormalization(name=f"{name}_norm")(x)


def _residual(x: Any, channels: int, stride: int, name: str) -> Any:
    """Two 3x3 convolutions and a shortcut (He et al. 2016, arXiv:1512.03385), pooled where it halves the image
    (He et al. 2019, arXiv:1812.01187)."""
    shortcut = x
    if stride > 1:
        shortcut = layers.AveragePooling2D(stride, padding="same", name=f"{name}_shortcut_pool")(x)
    if x.shape[-1] != channels:
        shortcut = _conv(shortcut, channels, 1, 1, f"{name}_shortcut")
    x = layers.ReLU(name=f"{name}_relu1")(_conv(x, channels, 3, stride, f"{name}_1"))
    x = _conv(x, channels, 3, 1, f"{name}_2")
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([x, shortcut]))


def build(spec: dict[str, Any], weights: str | None) -> keras.Model:
    """A fresh net of a spec: `width` channels after the stem, doubled by stage; the stem's stride follows the input's
    side. There are no ImageNet weights for it: `weights` is not looked at."""
    width, side = spec["width"], max(spec["height"], spec["input_width"])
    inputs = keras.Input((spec["height"], spec["input_width"], spec["channels"]), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(inputs)
    x = layers.ReLU(name="stem_relu")(
        _conv(x, width, 5 if side > 48 else 3, 4 if side > 160 else 2 if side > 48 else 1, "stem")
    )
    for stage, stride in enumerate((1, 2, 2, 2)):
        x = _residual(x, width * 2**stage, stride, f"stage{stage + 1}")
    return with_head("small", inputs, x, spec["outputs"], spec["dropout"])


ARCHITECTURE = Architecture(build, portable=True)
