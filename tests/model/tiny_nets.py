"""Model folders of a net small enough to convert in a second, float and int8; imported by the tests that serve them."""
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from stages import calibration, modelfolder

SIDE = 16


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """Uint8 (count, 16, 16, 1) of varying brightness and noise."""
    rng = np.random.default_rng(seed)
    level = rng.integers(40, 200, (count, 1, 1, 1))
    return np.clip(rng.normal(level, 30, (count, SIDE, SIDE, 1)), 0, 255).astype(np.uint8)


@cache
def net(outputs: int, seed: int = 1) -> Any:
    """A tf-keras net with random weights, always the same ones for a seed."""
    import tf_keras as keras

    keras.utils.set_random_seed(seed)
    image = keras.Input((SIDE, SIDE, 1))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, keras.layers.Dense(outputs, kernel_initializer="he_normal")(x))


@cache
def flatbuffer(kind: str, outputs: int, seed: int = 1) -> bytes:
    """`float` (float32 in and out), `int8` (uint8 in, float32 out), `uint8` (uint8 in and out) or `probabilities`
    (the same behind a sigmoid)."""
    import tensorflow as tf
    import tf_keras as keras

    from stages.learning.served import converter as converter_of

    served = net(outputs, seed)
    if kind == "probabilities":
        served = keras.Model(served.input, keras.layers.Activation("sigmoid")(served.output))
    converter = converter_of(served)
    if kind != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([p[None].astype("f4")] for p in pictures(32, seed=9))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.float32 if kind == "int8" else tf.uint8
    return bytes(converter.convert())


def card(labels: list[str], task: str = "multilabel") -> dict[str, Any]:
    """A card with what serving needs: slope 1, intercept 0, thresholds 0.5."""
    neutral = {"method": "platt", "a": [1.0] * len(labels), "b": [0.0] * len(labels)}
    point = {"threshold": 0.5, "sensitivity": 0.5, "specificity": 0.5}
    return {"labels": labels, "task": task, "input": {"height": SIDE, "width": SIDE, "channels": 1},
            "calibration": {"method": "temperature", "temperature": 1.0} if task == "multiclass" else neutral,
            "operating_points": dict.fromkeys(labels, point)}


def write(folder: Path, kind: str, labels: list[str], task: str = "multilabel") -> Path:
    """Write a sealed model folder of the given kind."""
    said = card(labels, task) | ({"output": kind} if kind == "probabilities" else {})
    modelfolder.write(folder, spec={}, weights=[], card=said, tflite=flatbuffer(kind, len(labels)))
    return folder


def targets_of(logits: np.ndarray, task: str, seed: int = 3) -> np.ndarray:
    """Targets that the logits predict well but not perfectly, float32 (n, labels), one-hot for multiclass."""
    rng = np.random.default_rng(seed)
    steep = (logits - logits.mean(axis=0)) / logits.std(axis=0) * 2
    if task == "multiclass":
        return np.eye(logits.shape[1], dtype=np.float32)[(steep + rng.gumbel(size=steep.shape)).argmax(axis=1)]
    return (rng.random(steep.shape) < calibration.sigmoid(steep)).astype(np.float32)
