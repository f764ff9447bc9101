"""From a float net to smaller TFLite flatbuffers: float16, int8, and int8 with rounded probabilities.

The same net gives the same bytes every time. The float32 one, and the two outputs: `cxr.training.tflite`.
"""

import warnings
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter
from tensorflow.lite.python.convert import mlir_quantize

from cxr.training.tflite import converter


class InputNotExact(Exception):
    """An int8 net would not take grey levels as they are (scale 1, zero point 0)."""


def float16(net: keras.Model) -> bytes:
    """float16 weights; float32 images (n, H, W, C) in, float32 logits (n, labels) and features (n, k) out."""
    to_float16 = converter(net)
    to_float16.optimizations = [tf.lite.Optimize.DEFAULT]
    to_float16.target_spec.supported_types = [tf.float16]
    return bytes(to_float16.convert())


def int8(net: keras.Model, images: np.ndarray) -> bytes:
    """int8 weights and activations; uint8 images in, float32 logits and features out.

    `images`: the representative set, uint8. The output layer stays in float: int8 logits share 256 levels among all
    labels, and a rare label pays for the ties. Raises InputNotExact where the input's quantization would change grey
    levels.
    """
    calibrated = _calibrated(net, images)
    outputs = Interpreter(model_content=calibrated).get_signature_runner().get_output_details()
    return _quantized(calibrated, tf.float32, [outputs["logits"]["name"]])


def int8_uint8_output(net: keras.Model, images: np.ndarray, task: str) -> bytes:
    """Integers throughout: uint8 images in, uint8 probabilities out, rounded to 1/256 (sigmoid or softmax inside).

    For hardware without floating point. `images` and InputNotExact as in `int8`.
    """
    link = "softmax" if task == "multiclass" else "sigmoid"
    answers = keras.layers.Activation(link, name="probabilities")(net.output)
    return _quantized(_calibrated(keras.Model(net.input, answers, name=net.name), images), tf.uint8, [])


def _calibrated(net: keras.Model, images: np.ndarray) -> bytes:
    """The float flatbuffer with the ranges of its tensors over the representative set."""
    calibrating = converter(net)
    calibrating.optimizations = [tf.lite.Optimize.DEFAULT]
    calibrating.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    calibrating.representative_dataset = lambda: _representative(images)
    calibrating._experimental_calibrate_only = True  # the public way quantizes the output layer too
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Statistics for quantized inputs")  # they come with the quantization below
        return bytes(calibrating.convert())


def _representative(images: np.ndarray) -> Iterator[list[np.ndarray]]:
    """The set, an image at a time, float32 (1, H, W, C); two corners of the first span 0..255, so the scale is 1."""
    for position, image in enumerate(images):
        sample = image[None].astype(np.float32)
        if position == 0:
            sample[0, 0, 0], sample[0, -1, -1] = 0, 255
        yield [sample]


def _quantized(calibrated: bytes, output: tf.DType, in_float: list[str]) -> bytes:
    """Quantize to int8 (per channel), uint8 in; the nodes that make the tensors `in_float` stay in float."""
    flatbuffer = bytes(
        mlir_quantize(calibrated, input_data_type=tf.uint8, output_data_type=output, denylisted_nodes=in_float or None)
    )
    (taken,) = Interpreter(model_content=flatbuffer).get_input_details()
    if taken["dtype"] is not np.uint8 or taken["quantization"] != (1.0, 0):
        raise InputNotExact(
            f"int8 input is {taken['dtype'].__name__} with scale and zero point "
            f"{taken['quantization']}; uint8 with (1.0, 0) is needed for grey levels to stay exact"
        )
    return flatbuffer
