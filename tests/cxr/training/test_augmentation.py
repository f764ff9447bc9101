"""Augmentation: each change does what its name says, by as much as is allowed, and hangs on (seed, epoch, image)."""

import numpy as np
import pytest

from cxr.params.learning import Augment
from cxr.training import data_order
from cxr.training.augmentation import augmented

SIDE, MIDDLE = 65, 32


def blob(row, column, radius=4):
    """A smooth bright spot on black, uint8 (65, 65, 1)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.round(200 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * radius**2))).astype(np.uint8)[..., None]


def where(image):
    """Centre (row, column) of the brightness, and the spread about it, pixels."""
    mass, (y, x) = image[..., 0] / image.sum(), np.mgrid[:SIDE, :SIDE]
    row, column = (mass * y).sum(), (mass * x).sum()
    return np.array([row, column]), np.sqrt((mass * ((y - row) ** 2 + (x - column) ** 2)).sum())


def changed(image, **augment):
    """The image after 40 draws of one augmentation."""
    return [augmented(image, Augment(**augment), data_order.image_generator(1, 0, position)) for position in range(40)]


def test_flip_mirrors_left_and_right_every_second_time():
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 1), dtype=np.uint8)
    mirrored = [np.array_equal(found, image[:, ::-1]) for found in changed(image, flip=True)]
    untouched = [np.array_equal(found, image) for found in changed(image, flip=True)]
    assert all(a != b for a, b in zip(mirrored, untouched, strict=True))
    assert 10 <= sum(mirrored) <= 30


def test_shift_moves_by_up_to_its_part_of_the_side_in_both_directions():
    before, size = where(blob(MIDDLE, MIDDLE))
    found = [where(image) for image in changed(blob(MIDDLE, MIDDLE), shift=0.1)]
    moved = np.array([centre - before for centre, _ in found])
    assert (np.abs(moved) <= 0.1 * SIDE + 0.1).all()
    assert (moved.max(axis=0) > 4).all() and (moved.min(axis=0) < -4).all()
    assert [spread for _, spread in found] == pytest.approx([size] * 40, rel=0.03)


def test_zoom_makes_larger_and_smaller_by_up_to_its_part_about_the_middle():
    _, size = where(blob(MIDDLE, MIDDLE))
    found = [where(image) for image in changed(blob(MIDDLE, MIDDLE), zoom=0.3)]
    ratios = np.array([spread / size for _, spread in found])
    assert ratios.min() > 0.67 and ratios.max() < 1.33
    assert ratios.min() < 0.8 and ratios.max() > 1.2
    np.testing.assert_allclose([centre for centre, _ in found], MIDDLE, atol=0.1)


def test_rotate_turns_about_the_middle_by_up_to_its_degrees_both_ways():
    found = np.array([where(image)[0] for image in changed(blob(MIDDLE, MIDDLE + 16, 2), rotate=20)]) - MIDDLE
    np.testing.assert_allclose(np.hypot(*found.T), 16, atol=0.2)
    degrees = np.degrees(np.arctan2(found[:, 0], found[:, 1]))
    assert (np.abs(degrees) <= 20.5).all()
    assert degrees.min() < -10 and degrees.max() > 10


def test_brightness_adds_up_to_its_part_of_the_grey_range_and_nothing_else():
    image = np.random.default_rng(0).integers(80, 160, (SIDE, SIDE, 1), dtype=np.uint8)
    added = np.array([found.astype(int) - image for found in changed(image, brightness=0.2)])
    assert (np.ptp(added.reshape(40, -1), axis=1) == 0).all()
    steps = added[:, 0, 0, 0]
    assert np.abs(steps).max() <= 51 and steps.min() < -30 and steps.max() > 30


def test_contrast_stretches_about_the_middle_grey_by_up_to_its_part():
    image = np.tile(np.array([[[64], [128], [192]]], np.uint8), (3, 1, 1))
    dark, middle, bright = np.array([found[0, :, 0] for found in changed(image, contrast=0.4)]).T.astype(int)
    assert (np.abs(middle - 128) <= 1).all()
    ratios = (bright - dark) / 128
    assert 0.59 < ratios.min() < 0.8 and 1.2 < ratios.max() < 1.41


def test_all_of_it_is_a_function_of_seed_epoch_and_image():
    image = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 1), dtype=np.uint8)
    augment = Augment(flip=True, shift=0.1, zoom=0.1, rotate=10, brightness=0.1, contrast=0.2)

    def made(*place):
        return augmented(image, augment, data_order.image_generator(*place))

    np.testing.assert_array_equal(made(5, 2, 7), made(5, 2, 7))
    for other in ((6, 2, 7), (5, 3, 7), (5, 2, 8)):
        assert not np.array_equal(made(5, 2, 7), made(*other)), other


def test_no_augmentation_leaves_an_image_as_it_is():
    image = np.random.default_rng(1).integers(0, 256, (20, 20, 1), dtype=np.uint8)
    np.testing.assert_array_equal(augmented(image, Augment(), np.random.default_rng(2)), image)
