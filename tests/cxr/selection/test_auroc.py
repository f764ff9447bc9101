"""AUROC, AUPRC and their patient-wise intervals."""
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from cxr.metrics import auprc, intervals, thresholds
from cxr.model.probabilities import softmax
from cxr.selection import auroc


def _tied(seed: int, images: int = 400, labels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Targets and scores with many ties, (images, labels)."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((images, labels)) < [0.5, 0.1, 0.02]).astype(np.float32)
    targets[0] = 1
    return targets, np.round(rng.normal(targets, 1.0), 1)


@pytest.mark.parametrize("seed", range(5))
def test_auroc_and_auprc_equal_those_of_scikit_learn_with_ties(seed: int) -> None:
    targets, scores = _tied(seed)
    names = ["a", "b", "c"]
    ours, precise = auroc.auroc(targets, scores, names), auprc.auprc(targets, scores, names)
    for i, name in enumerate(names):
        assert ours[name] == pytest.approx(roc_auc_score(targets[:, i], scores[:, i]), abs=1e-9)
        assert precise[name] == pytest.approx(average_precision_score(targets[:, i], scores[:, i]), abs=1e-9)
    assert ours["macro"] == pytest.approx(np.mean([ours[name] for name in names]), abs=1e-9)
    assert ours["worst"] == min(ours[name] for name in names)


@pytest.mark.parametrize(("measure", "reference"), [
    (auroc.label_auroc, roc_auc_score), (auprc.label_auprc, average_precision_score),
])
def test_weighted_measures_equal_repeating_the_rows(measure: auroc.Measure, reference: object) -> None:
    targets, scores = _tied(7, images=60)
    weights = np.random.default_rng(1).integers(0, 4, (6, 60)).astype(float)
    ours = measure(targets[:, 0] > 0.5, scores[:, 0], weights)
    for row, value in zip(weights.astype(int), ours, strict=True):
        repeated = reference(np.repeat(targets[:, 0], row), np.repeat(scores[:, 0], row))  # type: ignore[operator]
        assert value == pytest.approx(repeated, abs=1e-12)


def test_a_label_without_positives_or_without_negatives_is_not_available_and_not_in_the_macro() -> None:
    targets = np.array([[0, 1, 1], [0, 1, 0], [0, 1, 1]], np.float32)
    scores = np.array([[0.1, 0.2, 0.9], [0.2, 0.1, 0.3], [0.3, 0.0, 0.4]])
    labels = ["never", "always", "some"]
    assert auroc.auroc(targets, scores, labels) == {"macro": 1.0, "worst": 1.0, "never": "n/a", "always": "n/a",
                                                       "some": 1.0}
    assert auprc.auprc(targets, scores, labels)["never"] == "n/a"
    assert auroc.counts(targets, labels)["always"] == {"positives": 3, "negatives": 0}


def test_no_image_at_all_gives_not_available_everywhere() -> None:
    assert set(auroc.auroc(np.empty((0, 2)), np.empty((0, 2)), ["a", "b"]).values()) == {"n/a"}


def test_a_score_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        auroc.auroc(np.array([[0], [1]]), np.array([[0.0], [np.nan]]), ["a"])


def test_a_label_called_macro_is_refused() -> None:
    with pytest.raises(ValueError, match="'macro' has the name of a summary"):
        auroc.auroc(np.array([[0], [1]]), np.array([[0.0], [1.0]]), ["macro"])


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
    targets, scores = _tied(2, images=50)
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


def test_the_report_at_a_threshold_counts_scores_equal_to_it_as_positive() -> None:
    probabilities = np.array([[0.5], [0.4], [0.9], [0.1]])
    row = thresholds.at_threshold(probabilities, np.array([[1], [1], [0], [0]]), [0.5], ["a"])["a"]
    assert row == {"tp": 1, "fp": 1, "fn": 1, "tn": 1, "sensitivity": 0.5, "specificity": 0.5, "precision": 0.5,
                   "f1": 0.5, "threshold": 0.5}


def test_a_part_of_nothing_is_not_available() -> None:
    row = thresholds.at_threshold(np.array([[0.1], [0.2]]), np.array([[0], [0]]), [0.5], ["a"])["a"]
    assert (row["sensitivity"], row["precision"], row["f1"], row["specificity"]) == ("n/a", "n/a", "n/a", 1.0)


def test_multiclass_is_ranked_by_softmax_and_other_tasks_by_logits() -> None:
    logits = np.array([[1.0, 5.0], [0.0, -2.0]])
    np.testing.assert_array_equal(auroc.scores(logits, "multiclass"), softmax(logits))
    np.testing.assert_array_equal(auroc.scores(logits, "multilabel"), logits)
