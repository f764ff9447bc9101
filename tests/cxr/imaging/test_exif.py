"""EXIF orientation: pixels as stored make the id, upright ones are seen."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from cxr.data.preprocessing_spec import Chain
from cxr.imaging.decode import decode, image_id
from cxr.imaging.formats import exif
from cxr.imaging.preprocess import apply
from cxr.imaging.statistics import describe
from tests.fixtures.made_images import grey

LIMIT = 1_000_000


def tagged(orientation, kind="JPEG", pixels=None):
    """An image file of 24 x 32 pixels with an EXIF orientation."""
    block = Image.Exif()
    block[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(grey(12) if pixels is None else pixels).save(stream, kind, exif=block.tobytes())
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_pillow_turns_it(kind, orientation):
    decoded = decode(tagged(orientation, kind), LIMIT)
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(tagged(orientation, kind))))
    assert decoded.orientation == orientation
    assert np.array_equal(decoded.upright, np.asarray(turned))
    assert np.array_equal(decoded.grey, decoded.upright)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_the_id_is_that_of_the_pixels_as_stored(kind):
    decoded = [decode(tagged(number, kind), LIMIT) for number in range(1, 9)]
    assert len({image_id(each) for each in decoded}) == 1
    assert {each.pixels.shape for each in decoded} == {(24, 32)}


def test_colour_is_turned_too_and_so_are_figures_and_the_nets_input():
    pixels = np.dstack([grey(1), grey(2), grey(3)])
    turned, stored = decode(tagged(6, "PNG", pixels), LIMIT), decode(tagged(1, "PNG", pixels), LIMIT)
    assert describe(turned)["aspect"] == 24 / 32 and describe(stored)["aspect"] == 32 / 24
    chain = Chain(16, 0.0, 2, 3)
    assert np.abs(apply(chain, turned).astype(int) - np.rot90(apply(chain, stored), -1)).max() <= 3


@pytest.mark.parametrize("number", [0, 9, 65535])
def test_a_number_that_means_nothing_turns_nothing(number):
    assert decode(tagged(number), LIMIT).orientation == 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_are_read_and_a_block_cut_anywhere_turns_nothing(order):
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, 8, 0)
    block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 1) + entry
    assert exif.orientation(block) == 8
    assert {exif.orientation(block[:end]) for end in range(len(block))} == {1}
    assert exif.orientation(block[:4] + b"\xff" * 20) == 1


@pytest.mark.parametrize("number", range(1, 9))
def test_a_box_goes_with_its_pixels(number):
    pixels = np.zeros((20, 30), np.uint8)
    pixels[3:9, 5:7] = 1
    turned = exif.upright(pixels, number)
    height, width = turned.shape
    x, y, w, h = exif.upright_box(5, 3, 2, 6, number, width, height)
    assert turned[y : y + h, x : x + w].all() and turned.sum() == w * h
