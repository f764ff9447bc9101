"""Which grey level is white in a 16-bit file."""

import cv2
import numpy as np
import pytest

from cxr.data.preprocessing_spec import ANY_DEPTH, FULL_RANGE, Chain
from cxr.imaging.decode import decode, image_id
from cxr.imaging.levels import bits_of, chosen, of_set, possible
from cxr.imaging.preprocess import apply, to_range
from cxr.imaging.statistics import describe, describe_at
from tests.fixtures.made_images import chunk, grey

LIMIT = 1_000_000


def deep(bits, sbit=None, peak=None, seed=1):
    """A 16-bit PNG whose levels have so many bits, with an sBIT chunk if one is given."""
    levels = grey(seed, 40, 48).astype(np.float64)
    top = peak or (1 << bits) - 1
    pixels = np.rint(levels / levels.max() * top).astype(np.uint16)
    data = cv2.imencode(".png", pixels)[1].tobytes()
    return data[:33] + (chunk(b"sBIT", bytes([sbit])) if sbit else b"") + data[33:]


def bits(data, of_set=ANY_DEPTH):
    """Bits by which a file's levels are scaled."""
    return bits_of(decode(data, LIMIT), of_set)


@pytest.mark.parametrize("depth", [10, 12, 14, 16])
def test_where_nothing_is_known_of_the_set_an_image_goes_by_its_own_peak(depth):
    assert bits(deep(depth)) == depth and bits(deep(depth, peak=(1 << depth) - 200)) == depth


def test_images_of_a_12_bit_set_keep_one_scale_however_dark_they_are():
    assert bits(deep(12, peak=700), (12,)) == 12
    assert bits(deep(14), (12,)) == 14


def test_before_depths_were_recorded_every_16_bit_file_had_the_full_range():
    assert {bits(deep(depth), FULL_RANGE) for depth in (10, 12, 14, 16)} == {16}


@pytest.mark.parametrize(
    ("depth", "sbit", "found"), [(12, 12, 12), (10, 12, 12), (11, 11, 12), (16, 12, 16), (8, 8, 8)]
)
def test_sbit_decides_and_levels_above_it_were_scaled_up(depth, sbit, found):
    """The standard asks a writer to scale levels up to the full range; many don't."""
    assert bits(deep(depth, sbit), (14,)) == found


def test_an_sbit_that_cannot_be_is_none():
    assert bits(deep(12, 17), (14,)) == 14


def test_8_bit_files_are_as_they_are():
    assert bits(cv2.imencode(".png", grey(3) // 4)[1].tobytes(), (12,)) == 8


@pytest.mark.parametrize(
    ("needed", "depths"),
    [
        ([], ()),
        ([12] * 6 + [16], (12, 16)),  # a 16-bit source beside a 12-bit one
        ([10] * 6 + [12] * 4, (12,)),  # one source, dark images in it
        ([12] * 95 + [14] * 5, (12,)),  # some overexposed ones
        ([8] * 20, (8,)),
        ([16] * 200 + [10] * 2, (16,)),  # failed exposures of a 16-bit source
        ([12] * 50 + [16] * 50, (12, 16)),
        ([12] * 8 + [8] * 2, (12,)),  # failed exposures of a 12-bit source
    ],
)
def test_the_depths_of_a_set_are_those_of_its_sources(needed, depths):
    assert of_set(needed) == depths == of_set(list(reversed(needed)))


def test_an_image_takes_the_smallest_depth_of_its_set_that_holds_it():
    assert chosen((10, 12, 14, 16), (12, 16)) == 12
    assert chosen((14, 16), (12, 16)) == 16
    assert chosen((14, 16), (12,)) == 14
    assert chosen((8,), (12,)) == 8


def test_12_bit_levels_come_out_as_the_8_bit_picture_looks():
    chain = Chain(32, 0.0, 2, 1, (12,))
    whole = apply(chain, decode(cv2.imencode(".png", to_range(decode(deep(12), LIMIT).pixels, 12))[1].tobytes(), LIMIT))
    assert np.abs(apply(chain, decode(deep(12), LIMIT)).astype(int) - whole).max() <= 1
    assert apply(Chain(32, 0.0, 2, 1, FULL_RANGE), decode(deep(12), LIMIT)).max() < 17


def test_figures_at_several_depths_are_those_of_each_and_the_id_is_of_the_stored_levels():
    image = decode(deep(12), LIMIT)
    assert possible(image) == (12, 14, 16)
    assert describe_at(image, (12, 14, 16)) == [describe(image, depth) for depth in (12, 14, 16)]
    assert describe(image, 12)["std"] > 15 * describe(image, 16)["std"]
    assert image_id(image) == image_id(decode(deep(12, 12), LIMIT))


def test_a_chain_of_a_card_from_before_reads_back_with_the_full_range_and_writes_the_same():
    old = {"size": 16, "clip_limit": 2.0, "tiles": 2, "channels": 1}
    assert Chain.from_dict(old).level_bits == FULL_RANGE and Chain.from_dict(old).to_dict() == old
    new = Chain(16, 2.0, 2, 1, (12, 16))
    assert Chain.from_dict(new.to_dict()) == new
    with pytest.raises(ValueError, match="level_bits"):
        Chain.from_dict({**old, "level_bits": [9]})
