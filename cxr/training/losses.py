"""Losses on logits: focal (Lin et al. 2017, arXiv:1708.02002) and cross-entropy, per label or over classes."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from cxr.params.learning import Loss

LossFunction = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def build(loss: Loss, task: str, weights: np.ndarray | None = None) -> LossFunction:
    """A function of (targets, logits), both float32 (n, labels), giving the minibatch's mean loss, a scalar.

    `weights`: float32 (labels,), what a positive of each label counts (see `class_weights`). Focal loss's alpha weighs
    positives against negatives of a label; among the classes of a multiclass task it has no such pair and is unused.
    """
    gamma = loss.gamma if loss.name == "focal" else 0.0
    alpha = loss.alpha if loss.name == "focal" else None
    positive = tf.constant(1.0 if weights is None else weights, tf.float32)
    if task == "multiclass":
        return lambda targets, logits: _softmax(targets, logits, gamma, positive)
    return lambda targets, logits: _sigmoid(targets, logits, gamma, alpha, positive)


def _sigmoid(y: tf.Tensor, z: tf.Tensor, gamma: float, alpha: float | None, positive: tf.Tensor) -> tf.Tensor:
    """Mean binary (focal) cross-entropy of logits `z` against targets `y`, both float32 (n, labels)."""
    # tf.nn.sigmoid_cross_entropy_with_logits has a reciprocal in its gradient, which every make of processor rounds in
    # its own way; softplus has a division.
    entropy = y * tf.nn.softplus(-z) + (1 - y) * tf.nn.softplus(z)
    p = tf.sigmoid(z)
    missed = y * (1 - p) + (1 - y) * p
    balance = 1.0 if alpha is None else y * alpha + (1 - y) * (1 - alpha)
    return tf.reduce_mean(balance * (1 + y * (positive - 1)) * tf.pow(missed + 1e-7, gamma) * entropy)


def _softmax(y: tf.Tensor, z: tf.Tensor, gamma: float, positive: tf.Tensor) -> tf.Tensor:
    """Mean categorical (focal) cross-entropy of logits `z` against one-hot targets `y`, both float32 (n, labels)."""
    entropy = tf.nn.softmax_cross_entropy_with_logits(y, z)
    missed = 1 - tf.reduce_sum(y * tf.nn.softmax(z), axis=1)
    return tf.reduce_mean(tf.reduce_sum(y * positive, axis=1) * tf.pow(missed + 1e-7, gamma) * entropy)


def class_weights(targets: np.ndarray, task: str) -> np.ndarray:
    """What a positive of each label counts, float32 (labels,): balanced over classes, or negatives to positives.

    A label without positives counts 1; weights are capped at 100 so that one rare label does not drown the rest.
    """
    positives = targets.sum(axis=0)
    against = targets.shape[0] / targets.shape[1] if task == "multiclass" else targets.shape[0] - positives
    return np.clip(np.where(positives > 0, against / np.maximum(positives, 1), 1.0), 0.01, 100.0).astype(np.float32)
