"""Starts TensorFlow so that the same inputs give the same bytes: threads, seeds, deterministic kernels."""

import platform
from importlib.metadata import version
from typing import Any

import cv2
import numpy as np
import tensorflow as tf
import tf_keras as keras

from cxr.core import determinism as this_machine
from cxr.nets import registry
from cxr.params.schema import Machine

_CPU_AVX2 = 11  # CPU_AVX2 of cv::CpuFeatures, which Python has no name for


def start(machine: Machine, seed: int) -> None:
    """Pin the intra-op threads (their count changes the weights), seed everything, make kernels deterministic.

    Must run before TensorFlow computes anything; a second call only seeds again.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(machine.intra_op_threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        if tf.config.threading.get_intra_op_parallelism_threads() != machine.intra_op_threads:
            raise
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def same_bytes_on(net: str) -> str:
    """Where else a training of this net gives the same bytes; docs/explanation/reproducibility.md says why."""
    if tf.config.list_physical_devices("GPU"):
        return "at best the same make of GPU; elsewhere to a tolerance"
    if not (registry.find(net).portable and _has_avx2() and this_machine.capped()):
        return "the same make of processor; elsewhere to a tolerance"
    return "any x86-64 processor with AVX2"


def surroundings() -> dict[str, Any]:
    """What besides inputs, parameters and our code decides a training's bytes: caps in force, libraries, devices.

    It is part of a checkpoint's key and of no output: a training is never gone on with under other ones.
    """
    return {
        "environment": this_machine.in_force(),
        "machine": platform.machine(),
        "devices": [device.device_type for device in tf.config.list_physical_devices()],
        "libraries": {
            "tensorflow": tf.__version__,
            "tf-keras": version("tf-keras"),
            "numpy": np.__version__,
            "opencv": cv2.__version__,
            "tensorflow-model-optimization": version("tensorflow-model-optimization"),
        },
    }


def _has_avx2() -> bool:
    """Whether this is an x86-64 processor with AVX2, by OpenCV's own detection."""
    return platform.machine().lower() in ("x86_64", "amd64") and cv2.checkHardwareSupport(_CPU_AVX2)
