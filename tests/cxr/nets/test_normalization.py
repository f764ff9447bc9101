"""Normalization is exact (IEEE 754) in the served file too: the converter must not put the processor's `rsqrt` in."""

import numpy as np
import tf_keras as keras
from ai_edge_litert.interpreter import Interpreter

from cxr.nets.layers.normalization import BatchNormalization
from cxr.training.tflite import float_tflite


def test_the_weights_folded_into_the_served_file_are_the_exactly_rounded_ones():
    """Each make of processor approximates `rsqrt` in its own way: with it, a third of these weights differed here."""
    image = keras.Input((8, 8, 1))
    x = BatchNormalization()(keras.layers.Conv2D(64, 3, use_bias=False)(image))
    net = keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D(name="pool")(x)))
    rng = np.random.default_rng(0)
    net.set_weights([rng.uniform(0.1, 2.0, w.shape).astype(np.float32) for w in net.get_weights()])
    kernel, gamma, _, _, variance = net.get_weights()[:5]
    exact = (kernel * (gamma / np.sqrt(variance + np.float32(1e-3)))).transpose(3, 0, 1, 2)
    served = Interpreter(model_content=float_tflite(net))
    (folded,) = [served.get_tensor(d["index"]) for d in served.get_tensor_details() if (*d["shape"],) == exact.shape]
    assert folded.tobytes() == exact.tobytes()
    assert "RSQRT" not in {op["op_name"] for op in served._get_ops_details()}
