"""ROC and precision-recall curves, and how they are thinned."""

import numpy as np
import pytest
from sklearn.metrics import auc, precision_recall_curve, roc_curve

from stages.evaluate import curves


def _scored(images: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    positive = rng.random(images) < 0.3
    return positive, np.round(rng.normal(positive, 1.0), 3)


def test_the_curves_pass_through_the_points_of_scikit_learn() -> None:
    positive, score = _scored(150)
    fpr, tpr, _ = roc_curve(positive, score, drop_intermediate=False)
    np.testing.assert_allclose(curves.roc(positive, score), np.stack([fpr, tpr], axis=1))
    precision, recall, _ = precision_recall_curve(positive, score)
    ours = curves.precision_recall(positive, score)
    np.testing.assert_allclose(ours[::-1], np.stack([recall, precision], axis=1)[:-1])


def test_a_thinned_curve_keeps_its_ends_and_its_area_in_200_points() -> None:
    positive, score = _scored(20000)
    points = curves.roc(positive, score)
    few = curves.thinned(points)
    assert len(few) <= curves.POINTS < len(points)
    assert few[0].tolist() == [0, 0] and few[-1].tolist() == [1, 1]
    assert auc(*few.T) == pytest.approx(auc(*points.T), abs=1e-3)
