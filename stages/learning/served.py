"""From a float net to the file that is served: a float32 TFLite flatbuffer (byte-stable by `from_keras_model`)."""
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from stages import modelfolder
from stages.inference import Net


def float_tflite(net: keras.Model) -> bytes:
    """float32 images (n, H, W, C) in 0..255 in, float32 logits (n, labels) out."""
    return bytes(converter(net).convert())


def converter(net: keras.Model) -> tf.lite.TFLiteConverter:
    """A converter for the net with nothing optimised yet."""
    return tf.lite.TFLiteConverter.from_keras_model(net)


def served_logits(card: dict[str, Any], tflite: bytes, images: np.ndarray, threads: int = 1) -> np.ndarray:
    """What the flatbuffer answers on the served path, float32 (n, labels), for uint8 images (n, H, W, C).

    The card may still lack what is computed from these logits.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model"
        modelfolder.write(place, spec={}, weights=[], card=card, tflite=tflite)
        return Net(place, threads).logits(images)
