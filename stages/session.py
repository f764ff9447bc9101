"""Starts TensorFlow so that the same inputs give the same bytes: threads, seeds, deterministic kernels."""
import tensorflow as tf
import tf_keras as keras

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
