"""From a float net to TFLite flatbuffers: float32, float16, int8 and int8 with rounded outputs.

Always by `from_keras_model`, whose bytes are the same every time.
"""
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tensorflow.lite.python.convert import mlir_quantize


class InputNotExact(Exception):
    """An int8 net would not take grey levels as they are (scale 1, zero point 0)."""


def float32(net: keras.Model) -> bytes:
    """TFLite with float32 weights, float32 in, float32 logits out."""
    return bytes(tf.lite.TFLiteConverter.from_keras_model(net).convert())


def float16(net: keras.Model) -> bytes:
    """TFLite with float16 weights, float32 in, float32 logits out."""
    converter = tf.lite.TFLiteConverter.from_keras_model(net)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())


def int8(net: keras.Model, images: np.ndarray) -> tuple[bytes, bytes]:
    """Two int8 flatbuffers, both with uint8 in: float32 logits out, and uint8 logits out.

    `images`: the representative set, uint8 (n, H, W, C). In the first the output layer stays in float: int8 logits
    have 256 levels for all labels together, ties that a rare label pays for. The second is integer throughout.
    Raises InputNotExact where the input's quantization would change grey levels.
    """
    calibrated = _calibrated(net, images)
    (output,) = tf.lite.Interpreter(model_content=calibrated).get_output_details()
    served = _quantized(calibrated, tf.float32, [output["name"]])
    return served, _quantized(calibrated, tf.uint8, None)


def _calibrated(net: keras.Model, images: np.ndarray) -> bytes:
    """The float flatbuffer with the ranges of its tensors over the representative set."""
    converter = tf.lite.TFLiteConverter.from_keras_model(net)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.representative_dataset = lambda: _representative(images)
    converter._experimental_calibrate_only = True
    return bytes(converter.convert())


def _representative(images: np.ndarray) -> Iterator[list[np.ndarray]]:
    """The set, an image at a time, float32 (1, H, W, C); two corners of the first span 0..255, so the scale is 1."""
    for position, image in enumerate(images):
        sample = image[None].astype(np.float32)
        if position == 0:
            sample[0, 0, 0], sample[0, -1, -1] = 0, 255
        yield [sample]


def _quantized(calibrated: bytes, output: tf.DType, in_float: list[str] | None) -> bytes:
    """Quantize to int8 (per channel), uint8 in; the nodes that make the tensors `in_float` stay in float."""
    flatbuffer = bytes(mlir_quantize(calibrated, input_data_type=tf.uint8, output_data_type=output,
                                     denylisted_nodes=in_float))
    (taken,) = tf.lite.Interpreter(model_content=flatbuffer).get_input_details()
    if taken["dtype"] is not np.uint8 or taken["quantization"] != (1.0, 0):
        raise InputNotExact(f"int8 input is {taken['dtype'].__name__} with scale and zero point "
                            f"{taken['quantization']}; uint8 with (1.0, 0) is needed for grey levels to stay exact")
    return flatbuffer
