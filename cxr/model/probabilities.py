"""From a net's logits to probabilities, by the calibration that its card holds. `cxr.selection.calibration` fits it.

Multilabel and binary: Platt's sigmoid per label, p = 1 / (1 + exp(-(a z + b))). Multiclass: one temperature, softmax
of z / T (Guo et al. 2017, arXiv:1706.04599).
"""

import numpy as np

from cxr.model.card import PlattScaling, TemperatureScaling


def sigmoid(values: np.ndarray) -> np.ndarray:
    """Logistic function in float64, same shape, without overflow."""
    result: np.ndarray = np.exp(-np.logaddexp(0.0, -np.asarray(values, np.float64)))
    return result


def softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis in float64, same shape."""
    shifted = np.asarray(logits, np.float64) - np.max(logits, axis=-1, keepdims=True)
    powers: np.ndarray = np.exp(shifted)
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers


def calibrated(logits: np.ndarray, calibration: PlattScaling | TemperatureScaling) -> np.ndarray:
    """Probabilities, float64 (n, labels), of logits (n, labels)."""
    if isinstance(calibration, TemperatureScaling):
        return softmax(logits.astype(np.float64) / calibration.temperature)
    return sigmoid(logits.astype(np.float64) * np.array(calibration.a) + np.array(calibration.b))
