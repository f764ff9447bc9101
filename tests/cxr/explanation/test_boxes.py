"""Reference boxes at a net's scale, and the pixels in them."""

from cxr.explanation import boxes
from tests.fixtures.reference_boxes import box

SHAPE = (64, 64)


def test_boxes_scale_by_each_axis_and_are_cut_at_the_border():
    placed = boxes.scaled([box(x=100, y=50, w=200, h=100)], (200, 400), (64, 64))[0]
    assert (placed["x"], placed["y"], placed["w"], placed["h"]) == (16, 16, 32, 32)
    cut = boxes.scaled([box(x=-50, y=180, w=100, h=100)], (200, 400), (64, 64))[0]
    assert (cut["x"], cut["w"], cut["h"]) == (0, 8, 6.4)


def test_a_mask_covers_just_the_pixels_of_its_boxes():
    inside = boxes.mask([box(x=2, y=4, w=3, h=2), box(x=2, y=4, w=1, h=1)], SHAPE)
    assert inside.sum() == 6 and inside[4:6, 2:5].all()
