"""Images that no model has an answer for are refused by name, those of any preset's set never."""

import cv2
import numpy as np
import pytest

from cxr.data.preprocessing_spec import ANY_DEPTH
from cxr.imaging.decode import Decoded
from cxr.imaging.formats.undecodable import Undecodable
from cxr.imaging.statistics import describe, spread
from cxr.imaging.usable import ANY_SET, REASONS, Usable
from tests.fixtures.made_images import grey


def refusal(pixels, usable=ANY_SET):
    """Why an image is refused; None where it is not."""
    try:
        usable.refuse(Decoded(pixels, 8 * pixels.dtype.itemsize, "png"), ANY_DEPTH)
    except Undecodable as error:
        return error.reason
    return None


NOISE = np.random.default_rng(1)


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.zeros((300, 300), np.uint8), "blank"),
        (np.full((300, 300), 255, np.uint8), "blank"),
        (np.full((300, 300), 60_000, np.uint16), "blank"),
        (np.zeros((40, 40, 3), np.uint8), "blank"),
        (NOISE.integers(99, 102, (300, 300)).astype(np.uint8), "blank"),
        (np.zeros((1, 1), np.uint8), "too_small"),
        (NOISE.integers(0, 256, (1, 5000)).astype(np.uint8), "too_small"),
        (NOISE.integers(0, 256, (5000, 20)).astype(np.uint8), "extreme_aspect"),
        (grey(1, 28, 28), None),
        (cv2.cvtColor(grey(1, 32, 32), cv2.COLOR_GRAY2RGB), None),
        (grey(1, 300, 90), None),
    ],
)
def test_what_is_no_picture_is_refused_by_name(pixels, reason):
    assert refusal(pixels) == reason and (reason is None or reason in REASONS)


def test_the_bounds_of_a_set_rule_where_they_are_known():
    assert refusal(grey(1, 28, 28), Usable(min_side=32)) == "too_small"
    assert refusal(np.zeros((40, 40), np.uint8), Usable(blank_std=0.0)) is None


def test_the_spread_is_near_the_figure_that_validation_judges_and_sees_every_row():
    for pixels in (grey(2, 300, 400), grey(3).astype(np.uint16) * 16):
        decoded = Decoded(pixels, 8 * pixels.dtype.itemsize, "png")
        bits = 8 if pixels.dtype == np.uint8 else 12
        assert spread(decoded, bits) == pytest.approx(describe(decoded, bits)["std"], rel=0.02)
    striped = np.full((40, 50), 30, np.uint8)
    striped[::2] += 10
    assert refusal(striped) is None
