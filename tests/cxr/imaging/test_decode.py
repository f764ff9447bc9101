"""Decoding PNG and JPEG bytes that nobody vouches for."""

import io
import pickle
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from cxr.imaging.decode import bounded, decode, image_id
from cxr.imaging.formats.undecodable import REASONS, Undecodable
from tests.fixtures.made_images import BROKEN, chunk, grey, header, jpeg, png

LIMIT = 1_000_000


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused_with_its_reason(name):
    data, reason = BROKEN[name]
    with pytest.raises(Undecodable) as refused:
        decode(data, LIMIT, "." + name.rpartition(".")[2])
    assert refused.value.reason == reason and reason in REASONS


@pytest.mark.parametrize("kind", [png, jpeg])
def test_a_file_cut_off_anywhere_never_decodes(kind):
    data = kind(grey(1, 60, 80))
    for end in range(0, len(data) - 1, 7):
        with pytest.raises(Undecodable):
            decode(data[:end], LIMIT)


def test_random_damage_never_raises_anything_else():
    generator = np.random.default_rng(0)
    for sound in (png(grey(2)), jpeg(grey(3))):
        for _ in range(300):
            data = bytearray(sound)
            for at in generator.integers(0, len(data), 3):
                data[at] = generator.integers(0, 256)
            try:
                assert decode(bytes(data), LIMIT).pixels.size <= 3 * LIMIT
            except Undecodable as error:
                assert error.reason in REASONS


def test_grey_comes_out_as_it_went_in():
    decoded = decode(png(grey(4)), LIMIT, ".PNG")
    assert np.array_equal(decoded.pixels, grey(4))
    assert (decoded.bit_depth, decoded.kind, decoded.pixels.dtype) == (8, "png", np.uint8)


def test_16_bit_keeps_its_bits():
    deep = grey(5).astype(np.uint16) * 257 + 3
    decoded = decode(png(deep), LIMIT)
    assert decoded.bit_depth == 16 and np.array_equal(decoded.pixels, deep)


def test_16_bit_colour_keeps_bits_and_order_of_channels():
    rgb = np.random.default_rng(6).integers(0, 65536, (8, 9, 3)).astype(np.uint16)
    decoded = decode(cv2.imencode(".png", rgb[:, :, ::-1])[1].tobytes(), LIMIT)
    assert np.array_equal(decoded.pixels, rgb)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_equal_channels_are_grey_with_the_same_id_as_grey(mode):
    converted = Image.fromarray(grey(7)).convert(mode)
    decoded = decode(png(converted), LIMIT)
    assert np.array_equal(decoded.pixels, grey(7))
    assert image_id(decoded) == image_id(decode(png(grey(7)), LIMIT))


def test_alpha_is_laid_over_black():
    layers = [Image.fromarray(np.full((4, 4), value, np.uint8)) for value in (200, 100, 50, 128)]
    assert decode(png(Image.merge("RGBA", layers)), LIMIT).pixels[0, 0].tolist() == [100, 50, 25]


def test_a_palette_gives_its_colours():
    image = Image.fromarray(np.random.default_rng(8).integers(0, 256, (20, 20, 3), np.uint8)).quantize(16)
    assert np.array_equal(decode(png(image), LIMIT).pixels, np.asarray(image.convert("RGB")))


def test_a_grey_palette_is_grey():
    assert np.array_equal(decode(png(Image.fromarray(grey(9)).convert("P")), LIMIT).pixels, grey(9))


def test_one_bit_is_stretched_to_eight():
    image = Image.fromarray(grey(10) > 128)
    assert set(np.unique(decode(png(image), LIMIT).pixels)) <= {0, 255}


def test_colour_jpeg_is_rgb_as_pillow_reads_it():
    data = jpeg(np.random.default_rng(11).integers(0, 256, (16, 16, 3), np.uint8))
    assert np.array_equal(decode(data, LIMIT).pixels, np.asarray(Image.open(io.BytesIO(data))))


def test_cmyk_and_animation_are_unsupported():
    animated = header(8, 8) + chunk(b"acTL", bytes(8)) + chunk(b"IEND", b"")
    for data in (jpeg(Image.new("CMYK", (8, 8))), animated):
        with pytest.raises(Undecodable, match="unsupported"):
            decode(data, LIMIT)


def test_without_a_suffix_a_foreign_kind_is_unsupported_and_text_is_no_image():
    for data, reason in ((b"GIF89a" + bytes(9), "unsupported"), (b"hello", "not_an_image")):
        with pytest.raises(Undecodable, match=reason):
            decode(data, LIMIT)


def test_the_bound_on_pixels_is_inclusive():
    assert decode(png(grey(13, 10, 10)), 100).pixels.shape == (10, 10)
    with pytest.raises(Undecodable, match="too_large"):
        decode(png(grey(13, 10, 10)), 99)


def test_data_that_unfold_to_more_than_the_header_says_are_cut_there():
    unfolding = zlib.compress(bytes(1 << 26))
    content = header(10, 10) + chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", unfolding) + chunk(b"IEND", b"")
    assert decode(content, 100).pixels.shape == (10, 10)


def test_ids_tell_shapes_and_depths_apart():
    flat = np.zeros((4, 6), np.uint8)
    ids = {image_id(decode(png(pixels), LIMIT)) for pixels in (flat, flat.T, flat[:, :3].astype(np.uint16))}
    assert len(ids) == 3 and all(len(each) == 32 for each in ids)


def test_a_refusal_survives_the_way_back_from_a_worker():
    error = pickle.loads(pickle.dumps(Undecodable("corrupt", "why")))  # noqa: S301
    assert (error.reason, error.detail) == ("corrupt", "why")


def test_every_nih_image_decodes_to_grey(shared_data):
    for path in sorted((shared_data / "nih/images").iterdir())[:40]:
        assert decode(path.read_bytes(), 10**8, path.suffix).pixels.shape == (1024, 1024)


def test_alpha_in_strips_gives_what_it_gives_at_once():
    generator = np.random.default_rng(14)
    for kind, full in ((np.uint8, 255), (np.uint16, 65535)):
        layers = generator.integers(0, full + 1, (700, 900, 4)).astype(kind)
        decoded = decode(cv2.imencode(".png", layers)[1].tobytes(), LIMIT)
        product = layers[:, :, :3].astype(np.uint64) * layers[:, :, 3:]
        assert np.array_equal(decoded.pixels, ((product + full // 2) // full).astype(kind)[:, :, ::-1])


def test_texts_that_unfold_to_gigabytes_stay_folded_and_many_chunks_are_absurd():
    sound = png(grey(15))
    folded = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1 << 24))) * 50
    assert np.array_equal(decode(sound[:33] + folded + sound[33:], LIMIT).pixels, grey(15))
    with pytest.raises(Undecodable, match="absurd_header"):
        decode(sound[:33] + chunk(b"tEXt", b"") * 100_001 + sound[33:], LIMIT)


def test_what_takes_more_memory_than_an_image_may_is_too_large(monkeypatch):
    monkeypatch.setattr("cxr.imaging.decode._MEMORY", 1 << 26)
    data = png(Image.new("RGBA", (6000, 6000), (1, 2, 3, 4)))
    with pytest.raises(Undecodable, match="too_large: it takes more memory"), bounded(LIMIT):
        decode(data, 10**8)
