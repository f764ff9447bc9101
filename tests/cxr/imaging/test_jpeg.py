"""A JPEG of which a part is missing is refused, whatever stands behind the cut."""

import io

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from cxr.imaging.decode import decode
from cxr.imaging.formats import jpeg
from cxr.imaging.formats.undecodable import Undecodable
from tests.fixtures.made_images import grey

LIMIT = 10_000_000
EOI = b"\xff\xd9"
KINDS = {
    "baseline": {},
    "optimized": {"optimize": True},
    "restarts": {"restart_marker_blocks": 4},
    "progressive": {"progressive": True},
    "progressive with restarts": {"progressive": True, "restart_marker_rows": 1},
    "colour": {"mode": "RGB"},
    "progressive colour": {"mode": "RGB", "progressive": True},
}


def made(seed=1, mode="L", **options):
    """A JPEG file of 200 x 160 pixels with some noise in it."""
    noise = np.random.default_rng(seed).normal(0, 12, (160, 200))
    pixels = (grey(seed, 160, 200) + noise).clip(0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, "JPEG", quality=90, **options)
    return stream.getvalue()


def refusal(data):
    """Why a file does not decode; None where it does."""
    try:
        decode(data, LIMIT, ".jpg")
    except Undecodable as error:
        return error.reason
    return None


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_file_decodes(kind):
    assert refusal(made(**KINDS[kind])) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_scan_cut_anywhere_is_corrupt_also_with_an_end_marker_behind_it(kind):
    data = made(**KINDS[kind])
    first = data.index(b"\xff\xda") + 20
    cuts = [first + (len(data) - 30 - first) * step // 40 for step in range(40)]
    assert {refusal(data[:cut] + EOI) for cut in cuts} == {"corrupt"}
    assert {refusal(data[:cut]) for cut in cuts} == {"truncated"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("filled", [True, False])
def test_a_scan_with_a_large_hole_is_corrupt(kind, filled):
    data = made(**KINDS[kind])
    first, last = data.index(b"\xff\xda") + 20, len(data) - 2
    begin, end = first + (last - first) // 3, first + 2 * (last - first) // 3
    assert refusal(data[:begin] + bytes((end - begin) * filled) + data[end:]) == "corrupt"


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_zeros_that_happen_to_be_valid_code_are_a_hole(mode):
    """In the standard tables a code of zero bits is a coefficient, so that libjpeg may find nothing to warn of."""
    data = made(mode=mode)
    holed = [data[:at] + bytes(48) + data[at + 48 :] for at in range(len(data) - 2000, len(data) - 60, 5)]
    silent = [each for each in holed if judged(each)]
    assert silent and {refusal(each) for each in silent} == {"corrupt"}


def judged(data):
    """Whether libjpeg-turbo finds nothing."""
    try:
        jpeg.judge(data)
    except Undecodable:
        return False
    return True


def test_zeros_that_are_flat_blocks_by_the_files_own_tables_are_none():
    stream = io.BytesIO()
    flat = np.zeros((512, 512), np.uint8)
    flat[:8, :8] = grey(2, 8, 8)
    Image.fromarray(flat).save(stream, "JPEG", optimize=True)
    assert bytes(32) in stream.getvalue() and refusal(stream.getvalue()) is None


def test_zeros_behind_the_end_of_the_image_do_not_matter():
    assert refusal(made() + bytes(500)) is None


def test_a_restart_marker_that_is_missing_or_another_is_corrupt():
    data = made(restart_marker_blocks=4)
    at = data.index(b"\xff\xd3")
    assert refusal(data[:at] + data[at + 2 :]) == "corrupt"
    assert refusal(data[:at] + b"\xff\xd5" + data[at + 2 :]) == "corrupt"


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_progressive_file_cut_between_two_scans_is_corrupt(mode):
    data = made(mode=mode, progressive=True)
    scans = [at for at in range(len(data)) if data.startswith(b"\xff\xda", at)]
    assert len(scans) > 3
    for at in scans[1:]:
        start = data.rindex(b"\xff\xc4", 0, at)  # the scan's own Huffman table
        assert refusal(data[:start] + EOI) == "corrupt"


def test_the_judge_of_an_eighth_sees_what_a_full_decode_sees():
    """It reads all compressed data, though it makes few pixels of them."""

    def refused(data):
        try:
            simplejpeg.decode_jpeg(data, "RGB")
        except ValueError:
            return True
        return False

    generator = np.random.default_rng(5)
    for kind in KINDS.values():
        sound = made(**kind)
        for _ in range(60):
            data = bytearray(sound)
            for at in generator.integers(sound.index(b"\xff\xda") + 14, len(sound) - 2, 2):
                data[at] = generator.integers(0, 256)
            assert judged(bytes(data)) != refused(bytes(data))


def test_many_scans_of_many_pixels_are_too_large():
    """100 scans of a large picture keep a decoder busy for half a minute, from a file of some hundred kB."""
    sound = made(progressive=True)
    frame = sound.index(b"\xff\xc2")
    large = sound[: frame + 5] + (9000).to_bytes(2, "big") * 2 + sound[frame + 9 :]
    scan = large[large.rindex(b"\xff\xda") : -2]
    with pytest.raises(Undecodable, match=r"too_large: \d+ scans of 9000 x 9000"):
        decode(large[:-2] + 20 * scan + EOI, 10**8)


def test_every_kermany_image_has_a_scan_that_is_whole(shared_data):
    paths = sorted((shared_data / "kermany").rglob("*.jp*g"))
    assert {refusal(path.read_bytes()) for path in paths[::10]} == {None}
