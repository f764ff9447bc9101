"""An image is scored as training read it: by the depths of the model's set, upright, within the set's bounds."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from cxr.imaging.decode import decode
from cxr.imaging.formats.undecodable import Undecodable
from cxr.imaging.preprocess import apply
from cxr.imaging.statistics import NAMES, describe
from cxr.imaging.usable import Usable
from serving.score.score_images import ImageBounds, Opened, look, opened
from tests.fixtures import scored_place as made

BOUNDS = ImageBounds(10**6)
TWELVE = replace(made.CHAIN, level_bits=(12,))


def deep(top):
    """A 16-bit PNG whose brightest level is `top`."""
    grey = made.pixels(1).astype(np.float64)
    return cv2.imencode(".png", np.rint(grey / grey.max() * top).astype(np.uint16))[1].tobytes()


def study(data, chain):
    """What is noted of one file."""
    return look([opened("a.png", data, ".png", chain, BOUNDS)], chain)[0]


def test_a_12_bit_file_is_scaled_as_the_models_set_was():
    data = deep(4000)
    found, before = study(data, TWELVE), study(data, made.CHAIN)
    assert (found.bit_depth, before.bit_depth) == (12, 16)  # a card from before depths were recorded: the full range
    assert found.statistics == tuple(describe(decode(data, 10**6), 12)[name] for name in NAMES)
    assert np.array_equal(found.pixels, apply(TWELVE, decode(data, 10**6)))
    assert study(deep(700), TWELVE).bit_depth == 12 and study(deep(9000), TWELVE).bit_depth == 14


def test_near_blank_is_judged_after_the_levels_are_scaled():
    assert study(deep(60), replace(made.CHAIN, level_bits=(8,))).bit_depth == 8
    with pytest.raises(Undecodable, match="blank"):
        opened("a.png", deep(60), ".png", TWELVE, BOUNDS)


def test_an_image_is_noted_and_seen_upright():
    stream, block = io.BytesIO(), Image.Exif()
    block[0x0112] = 6
    Image.fromarray(made.pixels(2)[:, :30]).save(stream, "PNG", exif=block.tobytes())
    upright = cv2.imencode(".png", np.rot90(made.pixels(2)[:, :30], -1))[1].tobytes()
    turned, plain = study(stream.getvalue(), made.CHAIN), study(upright, made.CHAIN)
    assert (turned.width, turned.height) == (plain.width, plain.height) == (40, 30)
    assert turned.statistics == plain.statistics and np.array_equal(turned.pixels, plain.pixels)
    assert turned.image_id != plain.image_id


def test_the_sets_own_bounds_rule():
    small = made.png(3, 28)
    assert isinstance(opened("a.png", small, ".png", made.CHAIN, BOUNDS), Opened)
    with pytest.raises(Undecodable, match="too_small"):
        opened("a.png", small, ".png", made.CHAIN, ImageBounds(10**6, Usable(min_side=32)))
