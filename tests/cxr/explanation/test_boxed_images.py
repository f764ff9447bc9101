"""Which images with boxes are explained."""

from cxr.explanation import boxed_images
from tests.fixtures.reference_boxes import box


def test_boxed_images_are_spread_over_the_labels_and_used_once():
    held = {f"i{k}": [box("A")] + ([box("B")] if k < 2 else []) for k in range(10)}
    pairs = boxed_images.boxed(held, ["A", "B", "C"], 4, seed=1)
    assert {label for _, label in pairs} == {"A", "B"}, "the rarer finding gets its turn"
    assert len({image_id for image_id, _ in pairs}) == 4
    assert pairs == boxed_images.boxed(dict(reversed(held.items())), ["A", "B", "C"], 4, seed=1)
    assert len(boxed_images.boxed(held, ["A", "B"], 100, seed=1)) == 10
