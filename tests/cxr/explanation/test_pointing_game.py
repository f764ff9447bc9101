"""The pointing game: hits, baselines, the class prior, the mean over labels."""

import numpy as np

from cxr.explanation import pointing_game
from tests.fixtures.reference_boxes import box

SHAPE = (64, 64)


def spot(row, column):
    values = np.zeros(SHAPE, np.float32)
    values[row, column] = 1.0
    return pointing_game.smooth(values)


def test_the_pointing_game_counts_a_peak_in_a_box_of_the_label_only():
    reference = [box("A", 8, 8, 16, 16), box("B", 40, 40, 16, 16)]
    assert pointing_game.trial(spot(12, 12), reference, "A", (0, 0)).score == 1.0
    assert pointing_game.trial(spot(48, 48), reference, "A", (0, 0)).score == 0.0
    assert pointing_game.trial(-spot(12, 12), reference, "A", (0, 0)).score == 0.0


def test_the_baselines_are_the_area_the_centre_and_the_priors_peak():
    trial = pointing_game.trial(spot(0, 0), [box("A", 16, 16, 32, 32)], "A", (20, 20))
    assert (trial.random, trial.centre, trial.class_prior, trial.score) == (0.25, 1.0, 1.0, 0.0)


def test_the_class_prior_learns_from_other_patients_alone():
    images = [("p1", [box("A", 0, 0, 16, 16)]), ("p2", [box("A", 40, 40, 16, 16)])]
    prior = pointing_game.ClassPrior(images, SHAPE)
    row, column = prior.peak("A", "p1")
    assert 40 <= row < 56 and 40 <= column < 56
    row, column = prior.peak("A", "p2")
    assert row < 16 and column < 16
    assert prior.peak("B", "p1") == (32, 32)


def test_the_result_is_the_mean_over_labels_not_over_images():
    trials = [pointing_game.Trial("A", 1.0, 0.1, 0.0, 0.0)] * 3 + [pointing_game.Trial("B", 0.0, 0.3, 1.0, 0.0)]
    result = pointing_game.result(trials, ["A", "B", "C"])
    assert (result["score"], result["random"], result["centre"]) == (0.5, 0.2, 0.5)
    assert (result["hits"], result["images"], result["hit_share"]["value"]) == (3, 4, 0.75)
    assert result["hit_share"]["low"] < 0.75 < result["hit_share"]["high"]
    assert result["beats_class_prior"] == 1 and list(result["by_label"]) == ["A", "B"]


def test_a_set_without_boxes_has_no_score_and_a_count_of_zero():
    result = pointing_game.result([], ["A"])
    assert result["images"] == 0 and {result[method] for method in pointing_game.METHODS} == {"n/a"}
