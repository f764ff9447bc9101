"""Starts TensorFlow so that the same inputs give the same bytes: threads, seeds, deterministic kernels."""
import tensorflow as tf
import tf_keras as keras

from stages import machine as this_machine
from stages.params.schema import Machine


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
    if net != "small" or this_machine.instruction_set() != "avx2":  # Keras's own nets normalize by `rsqrt`
        return "the same make of processor; elsewhere to a tolerance"
    return "any x86-64 processor with AVX2"
