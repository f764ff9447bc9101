"""Expected calibration error of one column."""

import numpy as np
import pytest

from cxr.metrics import calibration_error


def test_expected_calibration_error_is_zero_for_true_frequencies_and_the_gap_otherwise() -> None:
    targets = np.array([1, 1, 1, 0] * 25, float)
    assert calibration_error.calibration_error(np.full(100, 0.75), targets) == pytest.approx(0)
    assert calibration_error.calibration_error(np.full(100, 1.0), targets) == pytest.approx(0.25)
