"""The gate: what lets a challenger into production, and what keeps it out."""

from dataclasses import replace

import numpy as np
import pytest

from cxr.metrics.comparisons import Hits, JudgedStudies, Side, calibration_of, compare
from cxr.model.probabilities import calibrated, sigmoid
from cxr.params.production import Gate
from cxr.runtime.hand_over import GateVerdict
from cxr.selection import calibration
from serving.gate import checks, markdown

LABELS = ("Mass", "Hernia", "Edema")
RULE = Gate(bootstrap=300)


def studies(count: int = 400, seed: int = 0) -> tuple[JudgedStudies, np.ndarray]:
    """Studies of two a patient, and logits that tell the truth with noise (AUROC about 0.8)."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((count, 3)) < 0.2).astype(np.float32)
    truth = targets * 2 - 1.6
    return JudgedStudies(LABELS, "multilabel", targets, tuple(f"p{i // 2}" for i in range(count))), truth


def side(logits: np.ndarray, noise: float, seed: int) -> Side:
    """A model that sees the truth through noise, calibrated so-so."""
    noisy = (logits + noise * np.random.default_rng(seed).standard_normal(logits.shape)).astype(np.float32)
    return Side(noisy, sigmoid(noisy))


def compared(noise_champion: float, noise_challenger: float, count: int = 400, seed: int = 0):
    """Comparison of two models on the same studies."""
    made, truth = studies(count, seed)
    return compare(
        made,
        side(truth, noise_champion, 1),
        side(truth, noise_challenger, 2),
        RULE.min_cases,
        RULE.bootstrap,
        RULE.seed,
        RULE.confidence,
    )


def test_the_macro_difference_is_that_of_scikit_learn():
    from sklearn.metrics import roc_auc_score

    made, truth = studies()
    a, b = side(truth, 2.0, 1), side(truth, 1.0, 2)
    found = compare(made, a, b, 5, 100, 0, 0.95)
    expected = np.mean(
        [
            roc_auc_score(made.targets[:, i], b.logits[:, i]) - roc_auc_score(made.targets[:, i], a.logits[:, i])
            for i in range(3)
        ]
    )
    assert found.macro.value == pytest.approx(expected)
    assert found.macro.low < found.macro.value < found.macro.high


def test_a_better_model_passes_and_an_equal_one_is_not_called_better():
    better, equal = compared(2.0, 1.0), compared(1.5, 1.5)
    assert checks.better_on_new(better, better, RULE).passed
    assert not checks.better_on_new(equal, equal, RULE).passed


def test_the_same_model_is_not_worse_on_the_old():
    made, truth = studies()
    one = side(truth, 1.5, 1)
    same = compare(made, one, one, 5, 200, 0, 0.95)
    assert checks.not_worse_on_old(same, RULE).passed and same.macro.low == 0
    assert not checks.better_on_new(same, same, RULE).passed


def test_a_worse_model_is_refused_on_the_old():
    worse = compared(1.0, 2.0)
    check = checks.not_worse_on_old(worse, RULE)
    assert not check.passed and "0.02" in check.words


def test_shuffled_labels_of_the_new_batch_make_no_challenger_better_there():
    made, truth = studies(300)
    poisoned = replace(made, targets=np.random.default_rng(5).permutation(made.targets))
    found = compare(poisoned, side(truth, 1.5, 1), side(truth * 0.2, 1.0, 2), 5, 300, 0, 0.95)
    assert not checks.better_on_new(found, found, RULE).passed


def test_too_few_studies_are_said_and_do_not_promote():
    few = compared(2.0, 0.5, count=10)
    for check in (
        checks.not_worse_on_old(few, RULE),
        checks.better_on_new(few, few, RULE),
        checks.worst_label({"old": few}, RULE),
    ):
        assert check.passed is False and "too few gate studies" in check.words


def test_without_a_new_batch_it_must_be_better_on_the_old():
    none = compare(
        studies(4)[0].part(np.zeros(4, bool)),
        Side(np.empty((0, 3)), np.empty((0, 3))),
        Side(np.empty((0, 3)), np.empty((0, 3))),
        5,
        100,
        0,
        0.95,
    )
    assert none.studies == 0
    assert checks.better_on_new(none, compared(2.0, 1.0), RULE).passed
    assert "no batch came" in checks.better_on_new(none, compared(1.5, 1.5), RULE).words


def test_one_label_forgotten_keeps_a_challenger_out_that_is_better_on_the_mean():
    made, truth = studies(600)
    champion = side(truth, 2.0, 1)
    sharp = side(truth, 0.5, 2)
    logits = sharp.logits.copy()
    logits[:, 1] = np.random.default_rng(9).standard_normal(len(made))
    found = compare(made, champion, Side(logits, sigmoid(logits)), 5, 300, 0, 0.95)
    assert checks.better_on_new(found, found, RULE).passed
    check = checks.worst_label({"old": found}, RULE)
    assert not check.passed and "Hernia on old studies" in check.words


def test_overconfidence_is_a_refusal():
    made, truth = studies()
    logits = side(truth, 2.0, 1).logits
    fitted = calibrated(logits, calibration.fit(logits, made.targets, "multilabel"))
    good, loud = Side(logits, fitted), Side(logits, sigmoid(logits * 3))
    calm, rough = (
        {"champion": calibration_of(made, good), "challenger": calibration_of(made, each)} for each in (good, loud)
    )
    assert not checks.calibrated({"old": rough}, RULE).passed
    assert checks.calibrated({"old": calm}, RULE).passed
    alone = checks.calibrated({"old": calm, "new": rough}, RULE)
    assert not alone.passed and alone.value["old"]["ece"] == 0 < RULE.ece_rise < alone.value["new"]["ece"]


def test_calibration_lost_on_old_studies_is_not_made_good_by_many_new_ones():
    fine = {"ece": 0.05, "brier": 0.10}
    worse, better = {"ece": 0.08, "brier": 0.10}, {"ece": 0.01, "brier": 0.05}
    new = {"champion": fine, "challenger": better}
    assert not checks.calibrated({"old": {"champion": fine, "challenger": worse}, "new": new}, RULE).passed
    assert checks.calibrated({"old": {"champion": fine, "challenger": fine}, "new": new}, RULE).passed
    assert checks.calibrated({"new": new}, RULE).passed, "no old study has enough cases"
    none = checks.calibrated({}, RULE)
    assert none.passed is False and "too few gate studies" in none.words


def test_a_slow_challenger_is_refused():
    assert not checks.fast({"median": 1.6, "low": 1.5, "high": 1.7}, RULE).passed
    assert checks.fast({"median": 1.2, "low": 1.0, "high": 1.6}, RULE).passed


def test_a_collapsed_explanation_is_refused_and_one_without_boxes_is_not_asked():
    def hits(champion: int, challenger: int, of: int = 40) -> Hits:
        return Hits(np.arange(of) < champion, np.arange(of)[::-1] < challenger, tuple(f"p{i}" for i in range(of)))

    refused, kept = checks.explained(hits(24, 4), RULE), checks.explained(hits(24, 20), RULE)
    assert not refused.passed and "0.10 of 40 boxed gate studies hit, the champion 0.60" in refused.words
    assert kept.passed
    assert checks.explained(hits(24, 11), RULE).passed, "less than half of it, but that may be chance"
    assert checks.explained(hits(0, 0), RULE).passed, "there was nothing to lose"
    assert checks.explained(None, RULE).passed is None


def test_the_hits_of_a_patients_studies_are_one_witness():
    rng = np.random.default_rng(1)
    champion, challenger = rng.random(200) < 0.6, rng.random(200) < 0.35
    alone, together = (
        Hits(np.repeat(champion, 4), np.repeat(challenger, 4), patients).kept(0.5, 500, 0, 0.95)
        for patients in (tuple(map(str, range(800))), tuple(str(i // 4) for i in range(800)))
    )
    assert alone.value == together.value == pytest.approx(challenger.mean() - 0.5 * champion.mean())
    assert (together.high - together.low) > 1.6 * (alone.high - alone.low)


def test_the_page_says_why_not():
    check = checks.fast({"median": 1.6, "low": 1.5, "high": 1.7}, RULE).as_json()
    part = {"studies": 9, "champion_auroc": 0.5, "challenger_auroc": "n/a"}
    page = markdown.page(
        GateVerdict.model_validate(
            {
                "verdict": "keep",
                "reasons": [check["words"]],
                "checks": [check],
                "gate": {"old": part},
                "test": {"new": part},
                "champion": {"version": "v0.0.1", "identity": "a" * 64, "batches": ["batch-001"]},
                "challenger": {
                    "version": "",
                    "identity": "b" * 64,
                    "variant": "int8",
                    "batches": ["batch-001", "batch-002"],
                },
            }
        )
    )
    assert "only reported): champion" not in page
    assert "the champion stays" in page and "1.60 times" in page and "New batches: batch-002." in page
