"""Losses against their formulas, and how much a label's positives count."""

import numpy as np
import pytest

from cxr.params.learning import Loss
from cxr.training import losses


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_focal_loss_is_the_papers():
    targets, logits = np.array([[1.0, 0.0]], np.float32), np.array([[0.3, -0.7]], np.float32)
    p = 1 / (1 + np.exp(-logits[0]))
    by_hand = [-0.25 * (1 - p[0]) ** 2 * np.log(p[0]), -0.75 * p[1] ** 2 * np.log(1 - p[1])]
    assert float(losses.build(Loss(), "multilabel")(targets, logits)) == pytest.approx(np.mean(by_hand), rel=1e-5)


def test_focal_loss_over_classes_weighs_by_what_the_true_class_misses_and_has_no_alpha():
    logits = np.array([[2.0, 0.0, -1.0], [0.1, 0.4, -0.3]], np.float32)
    targets = np.array([[0, 1, 0], [0, 0, 1]], np.float32)
    p = softmax(logits)[[0, 1], [1, 2]]
    by_hand = np.mean((1 - p) ** 2 * -np.log(p))
    for alpha in (0.25, 0.9):  # balances positives against negatives of a label: here there are none
        loss = losses.build(Loss(alpha=alpha), "multiclass")
        assert float(loss(targets, logits)) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("name", ["focal", "crossentropy"])
def test_class_weights_count_a_labels_positives_so_often(name):
    targets, logits = np.array([[1, 0], [1, 1]], np.float32), np.array([[0.3, -0.7], [-1.2, 0.5]], np.float32)
    p = 1 / (1 + np.exp(-logits))
    balance, missed = (targets * 0.25 + (1 - targets) * 0.75, 2) if name == "focal" else (1.0, 0)
    by_hand = -balance * (
        targets * np.array([4.0, 0.5]) * (1 - p) ** missed * np.log(p) + (1 - targets) * p**missed * np.log(1 - p)
    )
    loss = losses.build(Loss(name=name), "multilabel", np.array([4.0, 0.5], np.float32))
    assert float(loss(targets, logits)) == pytest.approx(by_hand.mean(), rel=1e-5)


@pytest.mark.parametrize(("name", "gamma"), [("focal", 2), ("crossentropy", 0)])
def test_class_weights_over_classes_are_those_of_the_true_class(name, gamma):
    logits = np.array([[2.0, 0.0, -1.0], [0.1, 0.4, -0.3]], np.float32)
    targets, weights = np.array([[0, 1, 0], [0, 0, 1]], np.float32), np.array([9.0, 3.0, 0.2], np.float32)
    p = softmax(logits)[[0, 1], [1, 2]]
    by_hand = np.mean(np.array([3.0, 0.2]) * (1 - p) ** gamma * -np.log(p))
    loss = losses.build(Loss(name=name), "multiclass", weights)
    assert float(loss(targets, logits)) == pytest.approx(by_hand, rel=1e-5)


def test_cross_entropy_over_classes_is_minus_log_of_the_true_classs_probability():
    logits = np.array([[2.0, 0.0, -1.0]], np.float32)
    loss = losses.build(Loss(name="crossentropy"), "multiclass")(np.array([[0, 1, 0]], np.float32), logits)
    assert float(loss) == pytest.approx(-np.log(np.exp(0) / np.exp(logits).sum()), rel=1e-5)


def test_class_weights_balance_negatives_against_positives():
    targets = np.zeros((10, 2), np.float32)
    targets[:2, 0] = 1
    assert losses.class_weights(targets, "multilabel").tolist() == [4.0, 1.0]
