"""Keras's own backbones made flat, with a pooled linear head: the model case is ResNet50.

Their preprocessing (mean subtraction or scaling) is a layer of the net, so that every net takes grey levels 0..255.
ResNet50's strided 1x1 convolutions are a sampling and a 1x1 convolution, see `_Layers`.
"""
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras as keras
from tf_keras import layers

from cxr.core.errors import StageError
from cxr.nets.dropout import CountedDropout

KERAS_NETS = {
    "resnet50": keras.applications.ResNet50,
    "mobilenetv2": keras.applications.MobileNetV2,
    "densenet121": keras.applications.DenseNet121,
}
_FILES = {
    "resnet50": "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "mobilenetv2": "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    "densenet121": "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
}
_IMAGENET_MEAN = np.array([123.68, 116.779, 103.939], np.float32)  # red, green, blue
_IMAGENET_STD = np.array([58.393, 57.12, 57.375], np.float32)


class _Layers:
    """Keras's layers, but a strided 1x1 convolution takes every n-th pixel first and then convolves with stride 1.

    The same figures from the same weights. TensorFlow's gradient of the strided one has raced on a CPU with oneDNN:
    one and the same step gave other bytes (docs/explanation/reproducibility.md).
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(layers, name)

    @staticmethod
    def Conv2D(filters: int, size: int, strides: int = 1, **options: Any) -> Callable[[Any], Any]:
        """As keras.layers.Conv2D; what it returns is to be called on a tensor."""
        if size != 1 or strides == 1:
            return layers.Conv2D(filters, size, strides=strides, **options)  # type: ignore[no-any-return]
        sampling = layers.MaxPooling2D(1, strides=strides, name=f"{options['name']}_sampling")
        convolution = layers.Conv2D(filters, 1, **options)
        return lambda x: convolution(sampling(x))


class MissingWeights(StageError):
    """ImageNet weights were asked for and are not on this machine; the message says what to put where."""


def weights_file(net: str, weights: str | None) -> Path | None:
    """The file of ImageNet weights: the one named, or Keras's cache; MissingWeights says what to put where."""
    if weights is None:
        return None
    cache = Path.home() / ".keras" / "models" / _FILES[net]
    path = cache if weights == "imagenet" else Path(weights)
    if not path.is_file():
        raise MissingWeights(
            f"train.weights: {weights}: {path} is not there. Put Keras's '{_FILES[net]}' at {cache}, or name a local "
            "copy in train.weights; `train.weights: null` trains from scratch.")
    return path


def _scaled(net: str, inputs: object) -> object:
    """Grey levels 0..255 to what the backbone was trained on, as three channels."""
    x = layers.Concatenate(name="grey_to_rgb")([inputs] * 3) if inputs.shape[-1] == 1 else inputs  # type: ignore[attr-defined]
    if net == "mobilenetv2":
        return layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(x)
    if net == "densenet121":
        scale, offset = 1 / _IMAGENET_STD, -_IMAGENET_MEAN / _IMAGENET_STD
        return layers.Rescaling(scale.tolist(), offset=offset.tolist(), name="scale")(x)
    return layers.Rescaling(1.0, offset=(-_IMAGENET_MEAN[::-1]).tolist(), name="scale")(_blue_first(x))


def _blue_first(x: object) -> object:
    """Channels reversed by a fixed 1x1 convolution: ResNet50's weights expect blue, green, red."""
    flip = layers.Conv2D(3, 1, use_bias=False, trainable=False, name="rgb_to_bgr",
                         kernel_initializer=keras.initializers.Constant(np.eye(3)[::-1].reshape(1, 1, 3, 3)))
    return flip(x)


def keras_net(
    net: str, shape: tuple[int, int, int], outputs: int, dropout: float, weights: str | None
) -> keras.Model:
    """A flat model: scaling, backbone, global average pooling, Dense(outputs) giving logits."""
    path = weights_file(net, weights)
    inputs = keras.Input(shape, name="image")
    own = {"layers": _Layers()} if net == "resnet50" else {}
    base = KERAS_NETS[net](include_top=False, weights=None, input_tensor=_scaled(net, inputs), **own)
    if path:
        _load_backbone(base, path)
    x = layers.GlobalAveragePooling2D(name="pool")(base.output)
    if dropout:
        x = CountedDropout(dropout, name="dropout")(x)
    return keras.Model(inputs, layers.Dense(outputs, name="logits")(x), name=net)


def _load_backbone(base: keras.Model, path: Path) -> None:
    """Fill the backbone from an .h5 of weights (arrays only, by layer name; no config in it is read)."""
    before = [w.copy() for w in base.get_weights()]
    try:
        base.load_weights(str(path), by_name=True, skip_mismatch=False)
    except (OSError, KeyError, ValueError) as error:
        raise MissingWeights(f"{path}: not {base.name}'s ImageNet weights, or not whole ({error})") from error
    changed = sum(not np.array_equal(a, b) for a, b in zip(before, base.get_weights(), strict=True))
    if changed < len(before) // 2:
        raise MissingWeights(f"{path}: only {changed} of {len(before)} arrays fit this net: not its ImageNet weights")
