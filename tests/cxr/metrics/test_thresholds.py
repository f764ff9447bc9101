"""Counts, sensitivity, precision and F1 at a threshold."""

import numpy as np

from cxr.metrics import thresholds


def test_the_report_at_a_threshold_counts_scores_equal_to_it_as_positive() -> None:
    probabilities = np.array([[0.5], [0.4], [0.9], [0.1]])
    row = thresholds.at_threshold(probabilities, np.array([[1], [1], [0], [0]]), [0.5], ["a"])["a"]
    assert row == {
        "tp": 1,
        "fp": 1,
        "fn": 1,
        "tn": 1,
        "sensitivity": 0.5,
        "specificity": 0.5,
        "precision": 0.5,
        "f1": 0.5,
        "threshold": 0.5,
    }


def test_a_part_of_nothing_is_not_available() -> None:
    row = thresholds.at_threshold(np.array([[0.1], [0.2]]), np.array([[0], [0]]), [0.5], ["a"])["a"]
    assert (row["sensitivity"], row["precision"], row["f1"], row["specificity"]) == ("n/a", "n/a", "n/a", 1.0)
