"""Explain's tables and arrays: boxes, selection, the pointing game, overlays. No TensorFlow."""

import cv2
import numpy as np
import pandas as pd
import pytest

from cxr.core.errors import UserError
from cxr.explanation import boxed_images, boxes, pointing_game
from stages.explain import overlay, sanity, selection
from stages.explain.inputs import file_names, read_predictions

SHAPE = (64, 64)


def box(label="A", x=0.0, y=0.0, w=8.0, h=8.0):
    return {"label": label, "x": x, "y": y, "w": w, "h": h}


def spot(row, column):
    values = np.zeros(SHAPE, np.float32)
    values[row, column] = 1.0
    return pointing_game.smooth(values)


def test_boxes_scale_by_each_axis_and_are_cut_at_the_border():
    placed = boxes.scaled([box(x=100, y=50, w=200, h=100)], (200, 400), (64, 64))[0]
    assert (placed["x"], placed["y"], placed["w"], placed["h"]) == (16, 16, 32, 32)
    cut = boxes.scaled([box(x=-50, y=180, w=100, h=100)], (200, 400), (64, 64))[0]
    assert (cut["x"], cut["w"], cut["h"]) == (0, 8, 6.4)


def test_a_mask_covers_just_the_pixels_of_its_boxes():
    inside = boxes.mask([box(x=2, y=4, w=3, h=2), box(x=2, y=4, w=1, h=1)], SHAPE)
    assert inside.sum() == 6 and inside[4:6, 2:5].all()


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


def predictions():
    return pd.DataFrame({
        "image_id": ["d", "c", "b", "a"], "probability_A": [0.9, 0.8, 0.8, 0.2], "target_A": [0, 1, 1, 1]})


def test_the_surest_positives_come_first_and_ties_go_by_image_id():
    cases = selection.positives(predictions(), ["A"], {"A": {"threshold": 0.5}}, 2)
    assert [(c.image_id, c.kind, c.rank) for c in cases] == [
        ("b", "true_positive", 1), ("c", "true_positive", 2), ("d", "false_positive", 1)]


def test_a_label_without_operating_point_has_no_cases():
    assert selection.positives(predictions(), ["A"], {"A": {"threshold": "n/a"}}, 2) == []


def test_boxed_images_are_spread_over_the_labels_and_used_once():
    held = {f"i{k}": [box("A")] + ([box("B")] if k < 2 else []) for k in range(10)}
    pairs = boxed_images.boxed(held, ["A", "B", "C"], 4, seed=1)
    assert {label for _, label in pairs} == {"A", "B"}, "the rarer finding gets its turn"
    assert len({image_id for image_id, _ in pairs}) == 4
    assert pairs == boxed_images.boxed(dict(reversed(held.items())), ["A", "B", "C"], 4, seed=1)
    assert len(boxed_images.boxed(held, ["A", "B"], 100, seed=1)) == 10


def test_labels_become_safe_and_distinct_file_names():
    names = file_names(["Pleural_Thickening", "a/b", "A b", "../x", "肺炎"])
    assert names["Pleural_Thickening"] == "Pleural_Thickening" and names["../x"] == "x"
    assert len({name.lower() for name in names.values()}) == 5
    assert all(name.isascii() and "/" not in name for name in names.values())


def test_predictions_of_another_variant_are_refused_by_name(tmp_path):
    path = tmp_path / "predictions.parquet"
    predictions().assign(variant="base").to_parquet(path)
    with pytest.raises(UserError, match="no rows of the chosen variant 'int8'"):
        read_predictions(path, "int8", ["A"])
    with pytest.raises(UserError, match="column 'probability_B' is missing"):
        read_predictions(path, "base", ["A", "B"])
    assert len(read_predictions(path, "base", ["A"])) == 4


@pytest.mark.parametrize(("side", "channels", "width"), [(28, 1, 256), (300, 3, 300), (512, 1, 384)])
def test_an_overlay_is_a_png_between_256_and_384_wide_with_the_same_bytes_each_time(side, channels, width):
    image = np.full((side, side, channels), 90, np.uint8)
    values = np.zeros((side, side), np.float32)
    values[: side // 2] = 1.0
    case = selection.OverlayCase("a" * 32, "Pneumonia", selection.TRUE_POSITIVE, 1, 0.9, 0.4)
    drawn = overlay.draw(image, values, [box("Pneumonia", 2, 2, side / 2, side / 2), box("Mass")], case)
    picture = cv2.imdecode(np.frombuffer(drawn, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape[1] == width and picture.shape[0] > width
    assert drawn == overlay.draw(image, values, [box("Pneumonia", 2, 2, side / 2, side / 2), box("Mass")], case)
    below = picture[-width // 4:, width // 2]
    assert (below == 90).all(), "no evidence, no colour"


def test_overlays_colour_evidence_for_red_and_against_blue():
    values = np.full((64, 64), 1.0, np.float32)
    values[:, :32] = -1.0
    case = selection.OverlayCase("a", "A", selection.FALSE_POSITIVE, 1, 0.9, 0.4)
    drawn = overlay.draw(np.full((64, 64, 1), 90, np.uint8), values, [], case)
    picture = cv2.imdecode(np.frombuffer(drawn, np.uint8), cv2.IMREAD_COLOR).astype(int)
    blue, _, red = picture[150, 240]
    assert red > blue
    blue, _, red = picture[150, 10]
    assert blue > red


def test_reference_boxes_are_framed_the_labels_own_stronger_than_others():
    case = selection.OverlayCase("a", "A", selection.TRUE_POSITIVE, 1, 0.9, 0.4)
    image, values = np.full((64, 64, 1), 90, np.uint8), np.zeros((64, 64), np.float32)

    def framed(*reference):
        drawn = overlay.draw(image, values, reference, case)
        picture = cv2.imdecode(np.frombuffer(drawn, np.uint8), cv2.IMREAD_COLOR)[-256:]
        return (picture != 90).any(axis=2)

    assert not framed().any()
    own, other = framed(box("A", 8, 16, 16, 24)), framed(box("B", 8, 16, 16, 24))
    for found in (own, other):  # four times as large as the image
        rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
        assert np.abs(np.array([rows[0], rows[-1], columns[0], columns[-1]]) - [64, 160, 32, 96]).max() <= 2
        assert not found[70:154, 38:90].any(), "a frame, not an area"
    assert own.sum() > 1.5 * other.sum()


def test_the_sanity_correlation_ignores_maps_without_any_evidence():
    varied = np.arange(16.0).reshape(4, 4)
    assert sanity.correlation([varied, varied], [-varied, np.zeros((4, 4))]) == pytest.approx(1.0)
    assert np.isnan(sanity.correlation([varied], [np.zeros((4, 4))]))


