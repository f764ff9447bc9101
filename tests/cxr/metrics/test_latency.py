"""Measured times: ratios, intervals of the median, which images are timed."""

import numpy as np

from cxr.metrics import latency


def test_a_slow_machine_in_between_does_not_change_the_ratio() -> None:
    base = np.array([1.0] * 10 + [5.0] * 10)
    ratio = latency.figures(base / 2, base)["speed_ratio"]
    assert ratio == {"median": 2.0, "low": 2.0, "high": 2.0}


def test_the_medians_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    found = [latency.median_interval(np.exp(rng.normal(0, 1, 50))) for _ in range(300)]
    covered = np.mean([row["low"] <= 1 <= row["high"] for row in found])
    assert 0.92 <= covered <= 0.99


def test_few_images_are_used_again_for_the_times() -> None:
    assert latency.evenly_chosen(["a", "b"], 4) == ["a", "a", "b", "b"]
    assert latency.evenly_chosen(list("abcdef"), 3) == ["a", "c", "e"]
