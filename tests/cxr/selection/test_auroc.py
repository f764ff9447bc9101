"""AUROC, and AUPRC beside it, against scikit-learn and published figures; labels that can't be measured."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from cxr.metrics import auprc
from cxr.model.probabilities import softmax
from cxr.selection import auroc
from tests.fixtures.scores import tied


@pytest.mark.parametrize("seed", range(5))
def test_auroc_and_auprc_equal_those_of_scikit_learn_with_ties(seed: int) -> None:
    targets, scores = tied(seed)
    names = ["a", "b", "c"]
    ours, precise = auroc.auroc(targets, scores, names), auprc.auprc(targets, scores, names)
    for i, name in enumerate(names):
        assert ours[name] == pytest.approx(roc_auc_score(targets[:, i], scores[:, i]), abs=1e-9)
        assert precise[name] == pytest.approx(average_precision_score(targets[:, i], scores[:, i]), abs=1e-9)
    assert ours["macro"] == pytest.approx(np.mean([ours[name] for name in names]), abs=1e-9)
    assert ours["worst"] == min(ours[name] for name in names)


@pytest.mark.parametrize(
    ("measure", "reference"), [(auroc.label_auroc, roc_auc_score), (auprc.label_auprc, average_precision_score)]
)
def test_weighted_measures_equal_repeating_the_rows(measure: auroc.Measure, reference: object) -> None:
    targets, scores = tied(7, images=60)
    weights = np.random.default_rng(1).integers(0, 4, (6, 60)).astype(float)
    ours = measure(targets[:, 0] > 0.5, scores[:, 0], weights)
    for row, value in zip(weights.astype(int), ours, strict=True):
        repeated = reference(np.repeat(targets[:, 0], row), np.repeat(scores[:, 0], row))  # type: ignore[operator]
        assert value == pytest.approx(repeated, abs=1e-12)


def test_a_label_without_positives_or_without_negatives_is_not_available_and_not_in_the_macro() -> None:
    targets = np.array([[0, 1, 1], [0, 1, 0], [0, 1, 1]], np.float32)
    scores = np.array([[0.1, 0.2, 0.9], [0.2, 0.1, 0.3], [0.3, 0.0, 0.4]])
    labels = ["never", "always", "some"]
    assert auroc.auroc(targets, scores, labels) == {
        "macro": 1.0,
        "worst": 1.0,
        "never": "n/a",
        "always": "n/a",
        "some": 1.0,
    }
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


def test_multiclass_is_ranked_by_softmax_and_other_tasks_by_logits() -> None:
    logits = np.array([[1.0, 5.0], [0.0, -2.0]])
    np.testing.assert_array_equal(auroc.scores(logits, "multiclass"), softmax(logits))
    np.testing.assert_array_equal(auroc.scores(logits, "multilabel"), logits)


def test_published_nih_aurocs_are_reproduced_to_1e_9(shared_data: Path) -> None:
    predictions = pd.read_csv(shared_data / "nih_predictions" / "preds.csv")
    published = pd.read_csv(shared_data / "nih_predictions" / "aucs.csv").set_index("label")["auc"]
    entries = pd.read_csv(shared_data / "nih" / "Data_Entry_2017_v2020.csv.gz", usecols=[0, 1])
    findings = entries.set_index(entries.columns[0])[entries.columns[1]].str.split("|")
    findings = findings.loc[predictions["Image Index"]]
    labels = list(published.index)
    targets = np.array([[label in found for label in labels] for found in findings], np.float32)
    ours = auroc.auroc(targets, predictions[[f"prob_{label}" for label in labels]].to_numpy(), labels)
    assert len(labels) == 14
    assert {label: ours[label] for label in labels} == pytest.approx(published.to_dict(), abs=1e-9, rel=0)
    assert ours["macro"] == pytest.approx(published.mean(), abs=1e-9, rel=0)
    assert ours["worst"] == pytest.approx(published.min(), abs=1e-9, rel=0)
