"""From logits to probabilities and thresholds."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from cxr.metrics import calibration_error
from cxr.model import probabilities
from cxr.model.card import PlattScaling
from cxr.model.probabilities import calibrated
from cxr.selection import calibration


def _overconfident(images: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Logits three times too large and shifted, with their targets, (images, 2)."""
    rng = np.random.default_rng(0)
    true = rng.normal(-1.0, 1.5, (images, 2))
    return 3 * true + 2, (rng.random((images, 2)) < probabilities.sigmoid(true)).astype(np.float32)


def test_platt_finds_the_slope_and_intercept_that_undo_overconfidence() -> None:
    logits, targets = _overconfident()
    fit = calibration.fit(logits, targets, "multilabel")
    assert fit.a == pytest.approx([1 / 3, 1 / 3], abs=0.03)
    assert fit.b == pytest.approx([-2 / 3, -2 / 3], abs=0.15)
    raw = calibration_error.report(probabilities.sigmoid(logits), targets, ["x", "y"], "multilabel")
    mended = calibration_error.report(calibrated(logits, fit), targets, ["x", "y"], "multilabel")
    assert mended["ece"]["mean"] < 0.03 < raw["ece"]["mean"]
    assert mended["brier"]["mean"] < raw["brier"]["mean"]


def test_calibration_is_plain_json_and_the_same_every_time() -> None:
    logits, targets = _overconfident(300)
    first, second = (calibration.fit(logits, targets, "multilabel") for _ in range(2))
    assert first == second
    read = PlattScaling.model_validate(json.loads(json.dumps(first.model_dump(mode="json"))))
    np.testing.assert_array_equal(calibrated(logits, read), calibrated(logits, second))


FIT = """
import os, sys
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:int(sys.argv[1])])
import numpy as np
from cxr.model.probabilities import sigmoid
from cxr.selection import calibration
random = np.random.default_rng(3)
logits = random.normal(0, 3, (40_000, 3))
targets = (random.random((40_000, 3)) < sigmoid(logits / 2)).astype(np.float32)
print([calibration.fit(logits, targets, task).model_dump_json() for task in ("multilabel", "multiclass")])
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core only")
def test_the_number_of_cores_and_of_threads_of_blas_changes_no_byte(root) -> None:
    """40,000 rows: OpenBLAS splits a product over so many, where it may use several threads."""

    def fitted(cores: int, threads: int) -> str:
        environment = os.environ | {"OPENBLAS_NUM_THREADS": str(threads), "PYTHONPATH": str(root)}
        return subprocess.run(
            [sys.executable, "-c", FIT, str(cores)], env=environment, check=True, capture_output=True, text=True
        ).stdout

    assert fitted(1, 1) == fitted(2, 1) == fitted(2, 2)


def test_calibration_never_turns_the_order_round() -> None:
    logits, targets = _overconfident(500)
    fit = calibration.fit(-logits, targets, "multilabel")
    assert min(fit.a) > 0
    assert fit.fitted == [False, False]
    mean = calibrated(-logits, fit).mean(axis=0)
    assert mean == pytest.approx(targets.mean(axis=0), abs=0.02)


def test_a_label_with_few_positives_keeps_slope_one_and_its_prevalence() -> None:
    logits, targets = _overconfident(500)
    targets[:, 0] = 0
    targets[:4, 0] = 1
    fit = calibration.fit(logits, targets, "multilabel")
    assert (fit.a[0], fit.fitted[0]) == (1.0, False)
    assert calibrated(logits, fit)[:, 0].mean() == pytest.approx(4 / 500, abs=0.01)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_label_always_or_never_present_gets_finite_probabilities(value: float) -> None:
    logits, _ = _overconfident(100)
    fit = calibration.fit(logits, np.full((100, 2), value, np.float32), "multilabel")
    found = calibrated(np.array([[1e4, -1e4]]), fit)
    assert np.isfinite(found).all()
    assert np.isfinite([*fit.a, *fit.b]).all()


def test_separable_and_constant_logits_give_a_finite_fit() -> None:
    targets = (np.arange(40) >= 20).astype(np.float32)[:, None].repeat(2, axis=1)
    logits = np.stack([np.where(targets[:, 0] > 0, 8.0, -8.0), np.full(40, 3.0)], axis=1)
    fit = calibration.fit(logits, targets, "multilabel")
    found = calibrated(logits, fit)
    assert found[0, 0] == pytest.approx(1 / 22, abs=1e-3) and found[-1, 0] == pytest.approx(21 / 22, abs=1e-3)
    assert found[:, 1] == pytest.approx(0.5, abs=1e-6)


def test_a_temperature_undoes_overconfidence_and_keeps_the_class() -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(0, 1.5, (5000, 4))
    chosen = (true + rng.gumbel(size=true.shape)).argmax(axis=1)
    fit = calibration.fit(2.5 * true, np.eye(4, dtype=np.float32)[chosen], "multiclass")
    assert fit.temperature == pytest.approx(2.5, rel=0.06)
    found = calibrated(2.5 * true, fit)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == true.argmax(axis=1)).all()
    assert calibration_error.report(found, np.eye(4)[chosen], list("abcd"), "multiclass")["ece"]["top"] < 0.03


def test_no_rows_give_the_neutral_calibration() -> None:
    assert calibration.fit(np.empty((0, 2)), np.empty((0, 2)), "multiclass").temperature == 1.0
    assert calibration.fit(np.empty((0, 1)), np.empty((0, 1)), "binary").a == [1.0]


def test_the_operating_point_is_the_best_of_all_thresholds() -> None:
    rng = np.random.default_rng(2)
    targets = (rng.random((300, 1)) < 0.3).astype(np.float32)
    scores = np.round(probabilities.sigmoid(rng.normal(2 * targets, 1.0)), 2)
    point = calibration.operating_points(scores, targets, ["a"], "binary")["a"]
    positive = targets[:, 0] > 0.5
    tried = [((scores[positive, 0] >= t).mean() + (scores[~positive, 0] < t).mean()) for t in np.arange(0, 1, 0.005)]
    assert point.sensitivity + point.specificity == pytest.approx(max(tried), abs=1e-5)
    called = scores[:, 0] >= point.threshold
    assert called[positive].mean() == pytest.approx(point.sensitivity, abs=1e-6)
    assert (~called[~positive]).mean() == pytest.approx(point.specificity, abs=1e-6)


def test_a_label_without_positives_has_a_threshold_but_no_sensitivity() -> None:
    point = calibration.operating_points(np.array([[0.2], [0.4]]), np.zeros((2, 1)), ["a"], "binary")["a"]
    assert point.model_dump() == {"threshold": 0.5, "sensitivity": "n/a", "specificity": "n/a"}
