"""Model folders of a net small enough to convert in a second, float and int8; imported by the tests that serve them."""
from functools import cache
from pathlib import Path
from typing import Any

import stages  # noqa: F401  (settles the machine before NumPy loads)
import numpy as np

from stages import calibration, modelfolder

SIDE = 16


def pictures(count: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """Uint8 (count, 16, 16, channels) of varying brightness and noise."""
    rng = np.random.default_rng(seed)
    level = rng.integers(40, 200, (count, 1, 1, 1))
    return np.clip(rng.normal(level, 30, (count, SIDE, SIDE, channels)), 0, 255).astype(np.uint8)


@cache
def flatbuffers(outputs: int = 2, channels: int = 1) -> dict[str, bytes]:
    """`float` (float32 in and out), `int8` (uint8 in, float32 out), `uint8` (uint8 in and out) of one net."""
    import tensorflow as tf
    import tf_keras as keras

    keras.utils.set_random_seed(1)
    image = keras.Input((SIDE, SIDE, channels))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    net = keras.Model(image, keras.layers.Dense(outputs, kernel_initializer="he_normal")(x))

    def converted(output: Any) -> bytes:
        converter = tf.lite.TFLiteConverter.from_keras_model(net)
        if output is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([p[None].astype("f4")] for p in pictures(32, channels, seed=9))
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type, converter.inference_output_type = tf.uint8, output
        return bytes(converter.convert())

    return {"float": converted(None), "int8": converted(tf.float32), "uint8": converted(tf.uint8)}


def card(labels: list[str], task: str = "multilabel", channels: int = 1) -> dict[str, Any]:
    """A card with what serving needs: slope 1, intercept 0, thresholds 0.5."""
    neutral = {"method": "platt", "a": [1.0] * len(labels), "b": [0.0] * len(labels)}
    point = {"threshold": 0.5, "sensitivity": 0.5, "specificity": 0.5}
    return {"labels": labels, "task": task, "input": {"height": SIDE, "width": SIDE, "channels": channels},
            "calibration": {"method": "temperature", "temperature": 1.0} if task == "multiclass" else neutral,
            "operating_points": {label: point for label in labels}}


def write(folder: Path, kind: str, labels: list[str], task: str = "multilabel", channels: int = 1) -> Path:
    """Write a sealed model folder of the given kind."""
    tflite = flatbuffers(len(labels), channels)[kind]
    modelfolder.write(folder, spec={}, weights=[], card=card(labels, task, channels), tflite=tflite)
    return folder


def targets_of(logits: np.ndarray, task: str, seed: int = 3) -> np.ndarray:
    """Targets that the logits predict well but not perfectly, float32 (n, labels), one-hot for multiclass."""
    rng = np.random.default_rng(seed)
    steep = (logits - logits.mean(axis=0)) / logits.std(axis=0) * 2
    if task == "multiclass":
        return np.eye(logits.shape[1], dtype=np.float32)[(steep + rng.gumbel(size=steep.shape)).argmax(axis=1)]
    return (rng.random(steep.shape) < calibration.sigmoid(steep)).astype(np.float32)
