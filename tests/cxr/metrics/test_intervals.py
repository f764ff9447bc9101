"""Patient-wise bootstrap intervals."""

import numpy as np
import pytest

from cxr.metrics import intervals
from cxr.selection import auroc
from tests.fixtures.scores import tied


def test_the_bootstrap_draws_whole_patients_and_repeats_itself() -> None:
    patients = ["p1", "p2", "p1", "p3", "p2", "p1"]
    rows = np.concatenate(list(intervals.PatientBootstrap(patients, 40, seed=3).weights()))
    assert rows.shape == (40, 6)
    assert (rows[:, 0] == rows[:, 2]).all() and (rows[:, 0] == rows[:, 5]).all() and (rows[:, 1] == rows[:, 4]).all()
    assert (rows[:, [0, 1, 3]].sum(axis=1) == 3).all()
    again = np.concatenate(list(intervals.PatientBootstrap(patients, 40, seed=3).weights()))
    assert (rows == again).all()
    assert not (rows == np.concatenate(list(intervals.PatientBootstrap(patients, 40, seed=4).weights()))).all()


def test_the_chunk_size_does_not_change_the_replicates(monkeypatch: pytest.MonkeyPatch) -> None:
    targets, scores = tied(2, images=50)
    bootstrap = intervals.PatientBootstrap([str(i // 2) for i in range(50)], 9, seed=0)
    whole = bootstrap.replicates(auroc.label_auroc, targets, scores)
    monkeypatch.setattr(intervals, "_CHUNK", 100)
    np.testing.assert_array_equal(bootstrap.replicates(auroc.label_auroc, targets, scores), whole)


def test_intervals_of_repeated_images_of_few_patients_are_wider_than_of_as_many_patients() -> None:
    rng = np.random.default_rng(0)
    targets = (rng.random((40, 1)) < 0.5).astype(np.float32).repeat(10, axis=0)
    scores = rng.normal(targets[::10], 1.5).repeat(10, axis=0)
    width = {}
    for name, patients in (("patients", np.arange(400) // 10), ("images", np.arange(400))):
        bootstrap = intervals.PatientBootstrap([str(p) for p in patients], 200, seed=0)
        interval = intervals.intervals(bootstrap.replicates(auroc.label_auroc, targets, scores), ["a"])["a"]
        width[name] = float(interval["high"]) - float(interval["low"])
    assert width["patients"] > 2 * width["images"]


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    truth, covered = 0.7602, 0  # AUROC of two unit normals one apart: Phi(1 / sqrt 2)
    for seed in range(100):
        targets = (np.arange(200) < 80).astype(np.float32)[:, None]
        scores = rng.normal(targets, 1.0)
        bootstrap = intervals.PatientBootstrap([str(i) for i in range(200)], 200, seed)
        interval = intervals.intervals(bootstrap.replicates(auroc.label_auroc, targets, scores), ["a"])["a"]
        covered += float(interval["low"]) <= truth <= float(interval["high"])
    assert 87 <= covered <= 100


def test_a_rare_label_that_most_resamples_miss_has_no_interval() -> None:
    replicates = np.array([[np.nan], [np.nan], [0.9]])
    assert intervals.intervals(replicates, ["a"]) == {"a": {"low": "n/a", "high": "n/a"}}


def test_a_resample_that_misses_a_defined_label_gives_no_macro() -> None:
    replicates = np.array([[0.5, 0.9, np.nan], [np.nan, 0.9, np.nan]])
    rows = intervals.with_summaries(replicates, np.array([True, True, False]))
    np.testing.assert_allclose(rows[0], [0.7, 0.5, 0.5, 0.9, np.nan])
    assert np.isnan(rows[1, :2]).all()
