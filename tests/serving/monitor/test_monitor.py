"""Monitoring: quiet without drift, loud with each kind of it, and for the reason that is true."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from cxr.model import probabilities
from cxr.params.production import Monitor
from cxr.selection import auroc
from serving.monitor import accuracy, distances, latency, pictures
from serving.monitor.clusters import design_effect
from serving.monitor.compare import compare, prepare
from serving.monitor.embedding import Embedding, weighted_chi2_tail
from serving.monitor.rule import DRIFT, QUIET, DriftComparison, holm, judge, verdict
from tests.fixtures import drift_windows as made

SECTION = Monitor()


@pytest.fixture(scope="module")
def prepared():
    return prepare(made.reference(), made.CARD)


def said(prepared, window, before=None, section=SECTION):
    """Verdict and the names of the comparisons that say drift."""
    judged = judge(compare(prepared, window, before, section).comparisons, section.alpha)
    return verdict(judged)[0], {j.comparison.name for j in judged if j.drifted}


def test_windows_without_drift_raise_alarm_no_oftener_than_alpha_allows_though_patients_come_several_times(prepared):
    alarms = sum(said(prepared, made.window(seed, 60, labelled=True))[0] == DRIFT for seed in range(60))
    assert alarms <= stats.binom.ppf(0.999, 60, SECTION.alpha)


def test_the_design_effect_keeps_p_values_honest_and_without_it_they_are_not():
    found = {1.0: [], 0.0: []}
    for seed in range(300):
        old, new = made.reference(seed, 200), made.window(1000 + seed, 200)
        for name, ps in found.items():
            design = design_effect(old.statistics[:, 0], old.patient) if name else 1.0
            ps.append(distances.kolmogorov_smirnov(old.statistics[:, 0], new.statistics[:, 0], design)[1])
    assert np.mean(np.array(found[1.0]) < 0.05) < 0.08 < np.mean(np.array(found[0.0]) < 0.05)


def shifted(window, what):
    change = {
        "statistic": lambda w: {"statistics": w.statistics + np.eye(len(w.names))[w.names.index("noise")]},
        "features": lambda w: {"features": w.features + 0.4},
        "spread": lambda w: {"features": w.features * 1.6},
        "view": lambda w: {"view": np.where(np.arange(len(w)) % 10 < 9, "AP", "PA")},
        "size": lambda w: {"size": np.where(np.arange(len(w)) % 3 == 0, "512 x 512, 16 bit", w.size)},
        "label": lambda w: {
            "logits": w.logits + np.float32([0, 1, 0]),
            "probabilities": probabilities.sigmoid(w.logits + np.float32([0, 1, 0])),
        },
    }[what]
    return replace(window, **change(window))


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("statistic", "noise"),
        ("features", "features together"),
        ("spread", "features together"),
        ("view", "view"),
        ("size", "size"),
        ("label", "probability Edema"),
        ("label", "rate above threshold Edema"),
        ("label", "predictions together"),
    ],
)
def test_each_kind_of_drift_is_found_and_named(prepared, what, name):
    assert said(prepared, made.window(3))[0] == QUIET
    found, names = said(prepared, shifted(made.window(3), what))
    assert found == DRIFT and name in names
    untouched = {
        "statistic": "predictions together",
        "features": "noise",
        "view": "noise",
        "size": "noise",
        "label": "probability Mass",
        "spread": "noise",
    }[what]
    assert untouched not in names


def test_a_drop_of_auroc_is_found_in_labelled_feedback_and_a_rise_is_not(prepared):
    window = made.window(4, 400, labelled=True)
    shuffled = window.targets[np.random.default_rng(0).permutation(len(window))]
    found, names = said(prepared, replace(window, targets=shuffled))
    assert found == DRIFT and "AUROC macro" in names
    for judged in judge(compare(prepared, window, None, SECTION).comparisons, SECTION.alpha):
        if judged.comparison.kind == "accuracy":
            low, high = judged.entry()["reference_interval"]
            assert low < judged.comparison.reference < high < low + 0.2
            assert f"({low:.4g} to {high:.4g}) in the reference" in judged.comparison.words()
    sure = replace(window, targets=(window.logits > -1).astype(float))
    assert said(prepared, sure)[0] == QUIET


def separated(random, cases, others, distance):
    """Studies of one label whose classes lie so far apart (the true AUROC is Phi(distance / sqrt 2))."""
    targets = (np.arange(cases + others) < cases).astype(float)
    base = made.window(1, cases + others)
    return replace(base, targets=targets[:, None], logits=random.normal(distance * targets, 1)[:, None])


def test_a_reference_that_was_lucky_near_one_does_not_make_every_large_window_worse():
    random, found = np.random.default_rng(3), []
    for _ in range(60):
        reference = separated(random, 45, 244, 2.9)  # 0.98
        sampled = accuracy.sample(reference, np.arange(len(reference)), "multilabel")
        window = separated(random, 140, 860, 2.9)
        found += accuracy.compare(sampled, window, ["Mass"], "multilabel", floor=0.0, least=10)
    assert len(found) == 60 and sum(comparison.p < 0.02 for comparison in found) <= 4
    perfect = separated(random, 45, 244, 9.0)
    lucky = accuracy.sample(perfect, np.arange(len(perfect)), "multilabel")
    assert lucky.found[0] == 1
    windows = {distance: separated(random, 140, 860, distance) for distance in (2.9, 1.2)}
    p = {
        distance: next(accuracy.compare(lucky, window, ["Mass"], "multilabel", floor=0.0, least=10)).p
        for distance, window in windows.items()
    }
    assert p[2.9] > 0.01, "0.98 is within what a perfect ranking of 45 cases may truly be"
    assert p[1.2] < 1e-4, "0.80 is not"


def test_auroc_is_not_judged_where_too_few_are_labelled_and_that_is_said(prepared):
    window = made.window(4, 400, labelled=True)
    few = np.where(np.arange(400)[:, None] < 12, window.targets, np.nan)
    found = compare(prepared, replace(window, targets=few), None, SECTION)
    assert not any(c.kind == "accuracy" for c in found.comparisons)
    assert any("12 of 400" in words for words in found.left_out)


def test_estimated_auroc_is_the_true_one_where_probabilities_are_calibrated():
    random = np.random.default_rng(8)
    logits = random.normal(-1, 1.5, 40_000)
    targets = random.random(len(logits)) < probabilities.sigmoid(logits)
    true = float(auroc.label_auroc(targets, logits)[0])
    assert accuracy.estimated_auroc(logits, probabilities.sigmoid(logits)) == pytest.approx(true, abs=0.005)
    narrow = logits[(logits > -2) & (logits < 0)]  # the population moves, the probabilities still hold
    targets = random.random(len(narrow)) < probabilities.sigmoid(narrow)
    true = float(auroc.label_auroc(targets, narrow)[0])
    assert accuracy.estimated_auroc(narrow, probabilities.sigmoid(narrow)) == pytest.approx(true, abs=0.02)


def test_latency_counts_beyond_its_factor_and_is_left_out_in_words_where_nothing_was_taken(prepared):
    window, before = made.window(5), {"p50_ms": 4.0, "p95_ms": 5.0}
    assert said(prepared, window, before)[0] == QUIET
    found, names = said(prepared, replace(window, latency_ms=np.full(200, 9.0)), before)
    assert found == DRIFT and names == {"latency p50", "latency p95"}
    tail = replace(window, latency_ms=np.where(np.arange(200) % 5, 4.0, 30.0))
    assert said(prepared, tail, before) == (DRIFT, {"latency p95"})
    assert any(words.startswith("latency") for words in compare(prepared, window, None, SECTION).left_out)
    assert list(latency.compare(np.full(3, np.nan), before, 1.5)) == []


def test_what_is_significant_but_small_is_no_drift():
    small = DriftComparison("noise", "input", "KS distance", 0.04, 0.1, 1e-12)
    assert verdict(judge([small], 0.05)) == (QUIET, [])
    large = replace(small, effect=0.2)
    assert verdict(judge([large], 0.05))[0] == DRIFT
    assert verdict(judge([replace(large, p=0.02), *[replace(large, p=0.9)] * 3], 0.05))[0] == QUIET


def test_holm_is_holms_own_and_weights_move_the_level():
    assert holm([0.01, 0.04, 0.03, 0.005], [1, 1, 1, 1]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.01, 0.01], [9, 1])[0] == pytest.approx(0.01 / 0.9)
    assert holm([0.01, 0.01], [9, 1])[1] == pytest.approx(max(0.01 / 0.9, 0.01))


def test_the_design_effect_is_the_size_of_patients_where_their_studies_are_equal_and_one_where_they_are_alone():
    random = np.random.default_rng(1)
    patient = np.repeat(np.arange(300), 4)
    assert design_effect(random.standard_normal(300)[patient], patient) == pytest.approx(4, abs=0.05)
    assert design_effect(random.standard_normal(1200), patient) < 1.25
    assert design_effect(random.standard_normal(300), np.arange(300)) == 1.0
    assert design_effect(np.ones(1200), patient) == 1.0


def test_the_kolmogorov_smirnov_p_is_scipys_where_studies_are_independent():
    random = np.random.default_rng(2)
    a, b = random.standard_normal(300), random.standard_normal(200) + 0.2
    distance, p = distances.kolmogorov_smirnov(a, b, 1.0)
    expected = stats.ks_2samp(a, b)
    assert distance == pytest.approx(expected.statistic) and p == pytest.approx(expected.pvalue, rel=0.25)
    assert distances.kolmogorov_smirnov(a, b, 3.0)[1] > p


def test_categories_too_rare_to_be_judged_are_taken_together():
    old, new = np.repeat(["PA", "AP", "LL"], [300, 100, 2]), np.repeat(["PA", "AP", "LL"], [150, 50, 2])
    assert distances.categories(old, new, 1.0)[1] > 0.3
    other = np.repeat(["PA", "XX"], [100, 100])
    assert distances.categories(old, other, 1.0)[1] < 1e-6
    assert distances.categories(np.repeat("", 50), np.repeat("", 50), 1.0) == (0.0, 1.0)


def test_the_tail_of_weighted_chi_squares_is_what_drawing_them_gives():
    random = np.random.default_rng(3)
    weights = np.array([5.0, 2, 1, 0.5, 0.5, 0.1])
    draws = (random.chisquare(1, (200_000, 6)) * weights).sum(axis=1)
    for quantile in (0.5, 0.05, 0.001):
        assert weighted_chi2_tail(float(np.quantile(draws, 1 - quantile)), weights) == pytest.approx(quantile, rel=0.25)
    assert weighted_chi2_tail(1.0, np.zeros(3)) == 1.0


def test_p_values_of_all_features_together_are_spread_evenly_without_drift(prepared):
    found = [prepared.features.gap(made.window(seed, 100).features).p for seed in range(150)]
    assert stats.kstest(found, "uniform", alternative="greater").pvalue > 0.001


def test_columns_that_never_vary_do_not_matter_and_none_that_vary_is_said():
    columns = np.random.default_rng(0).standard_normal((80, 3))
    patient = np.arange(80)
    with_flat = np.column_stack([columns, np.full(80, 7.0)])
    assert Embedding(with_flat, patient).gap(with_flat[:40]).p == Embedding(columns, patient).gap(columns[:40]).p
    assert not Embedding(np.ones((80, 2)), patient)
    flat = prepare(replace(made.reference(), features=np.zeros((400, 12), np.float32)), made.CARD)
    assert any("features" in words for words in compare(flat, made.window(1), None, SECTION).left_out)


def test_a_few_studies_unlike_all_others_are_found_though_they_move_no_distribution(prepared):
    window = made.window(7)
    strange = np.arange(200) % 14 == 0
    window = replace(window, statistics=np.where(strange[:, None], 3 * window.statistics, window.statistics))
    found, names = said(prepared, window)
    assert (found, names) == (DRIFT, {"strange studies"})
    judged = compare(prepared, window, None, SECTION)
    shown = pictures.drivers(judge(judged.comparisons, 0.05), judged, prepared, window, 8)
    assert {row for row, _ in shown} <= set(np.flatnonzero(strange).tolist())


def test_views_that_nobody_told_are_no_drift(prepared):
    found = compare(prepared, replace(made.window(1), view=np.full(200, "")), None, SECTION)
    assert not any(c.name == "view" for c in found.comparisons)
    assert any(words.startswith("view: known of 400") for words in found.left_out)


def test_the_images_shown_are_those_that_moved(prepared):
    window = made.window(6)
    statistics = window.statistics.copy()
    moved = np.arange(0, 200, 2)
    statistics[moved, window.names.index("noise")] += 4
    window = replace(window, statistics=statistics)
    found = compare(prepared, window, None, SECTION)
    shown = pictures.drivers(judge(found.comparisons, 0.05), found, prepared, window, 12)
    assert len(shown) == 12 and "noise" in {name for _, name in shown} <= {"noise", "strange studies"}
    assert {row for row, name in shown if name == "noise"} <= set(moved.tolist())
