"""From a float net to the file that is served: a float32 TFLite flatbuffer with two outputs, `logits` and `features`.

The same net gives the same bytes every time.
"""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from cxr.model.card import NetCard
from cxr.model.litert import Answers, TfliteNet
from cxr.nets.layers.head import POOL


def float_tflite(net: keras.Model) -> bytes:
    """float32 images (n, H, W, C) in 0..255 in; float32 logits (n, labels) and pooled features (n, k) out."""
    return bytes(converter(net).convert())


def converter(net: keras.Model) -> tf.lite.TFLiteConverter:
    """A converter for the net with nothing optimised yet; the outputs have their names in its signature."""
    outputs = {"logits": net.output, "features": net.get_layer(POOL).output}
    both = keras.Model(net.input, outputs, name="served")  # its name goes into the bytes; Keras would count it up
    signature = tf.TensorSpec((None, *net.input_shape[1:]), tf.float32, name="image")
    graph = tf.function(lambda image: both(image, training=False), input_signature=[signature])
    holder = tf.Module()  # not the net itself: every layer of it would be traced again, which takes four times as long
    holder.held = net.variables
    return tf.lite.TFLiteConverter.from_concrete_functions([graph.get_concrete_function()], holder)


def served_answers(card: NetCard, tflite: bytes, images: np.ndarray, threads: int = 1) -> Answers:
    """What the flatbuffer answers on the served path, for uint8 images (n, H, W, C)."""
    return TfliteNet(tflite, card, "the converted net", threads).answers(images)
