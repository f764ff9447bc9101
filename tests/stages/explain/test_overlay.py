"""Overlays: size and bytes, colours of evidence, frames of reference boxes."""

import cv2
import numpy as np
import pytest

from stages.explain import overlay, selection
from tests.fixtures.reference_boxes import box


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
    below = picture[-width // 4 :, width // 2]
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
