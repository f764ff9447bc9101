"""Curves, times and verdicts of the evaluate stage: functions over arrays."""
import numpy as np
import pytest
from sklearn.metrics import auc, precision_recall_curve, roc_curve

from cxr.metrics import latency
from stages.evaluate import curves, verdict
from stages.evaluate.verdict import AgainstBase


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
    assert latency.spread(["a", "b"], 4) == ["a", "a", "b", "b"]
    assert latency.spread(list("abcdef"), 3) == ["a", "c", "e"]


def _comparison(size: float = 3.7, speed: float = 1.0, auroc: tuple[float, float, float] = (-0.002, -0.006, 0.001),
                zipped: float | None = None) -> AgainstBase:
    low, high = speed * 0.97, speed * 1.03
    return AgainstBase(size, zipped or size, {"median": speed, "low": low, "high": high},
                       dict(zip(("difference", "low", "high"), auroc, strict=True)))


def test_smaller_but_not_faster_pays_by_size_and_says_so() -> None:
    line = verdict.message("int8", _comparison(speed=0.98))
    assert line == ("int8: 3.7x smaller (zipped: 3.7x smaller), 0.98x speed (no gain), AUROC -0.002 [-0.006, 0.001]: "
                    "pays by size")
    assert verdict.pays(_comparison(speed=0.98)) == {"size": True, "zipped_size": True, "speed": False,
                                                              "auroc": True, "altogether": True}


def test_neither_smaller_nor_faster_does_not_pay() -> None:
    comparison = _comparison(size=1.0, speed=1.04)
    assert not verdict.pays(comparison)["altogether"]
    assert verdict.message("pruned", comparison).endswith("does not pay: neither smaller nor faster than base")


def test_pruning_that_shows_only_when_zipped_pays_by_zipped_size() -> None:
    line = verdict.message("pruned", _comparison(size=1.0, zipped=2.0, speed=0.9))
    assert "same size (zipped: 2.0x smaller), 0.90x speed (slower)" in line and line.endswith("pays by zipped size")


def test_a_variant_that_costs_too_much_auroc_does_not_pay_however_small() -> None:
    comparison = _comparison(size=10, auroc=(-0.03, -0.05, -0.02))
    assert not verdict.pays(comparison)["altogether"]
    assert "does not pay: macro AUROC falls by more than 0.01" in verdict.message("tiny", comparison)


def test_a_wide_interval_says_what_it_does_not_exclude() -> None:
    line = verdict.message("int8", _comparison(auroc=(0.001, -0.02, 0.02)))
    assert line.endswith("AUROC +0.001 [-0.020, 0.020]: pays by size; a loss above 0.01 is not excluded")


def test_speed_counts_only_when_the_interval_is_beyond_the_margin() -> None:
    assert not verdict.pays(_comparison(speed=1.07))["speed"]
    assert verdict.pays(_comparison(speed=1.5))["speed"]


def test_an_auroc_that_cannot_be_measured_never_pays() -> None:
    comparison = AgainstBase(4, 4, {"median": 2.0, "low": 2.0, "high": 2.0},
                             {"difference": "n/a", "low": "n/a", "high": "n/a"})
    assert not verdict.pays(comparison)["altogether"]
    assert "AUROC n/a [n/a, n/a]" in verdict.message("int8", comparison)
