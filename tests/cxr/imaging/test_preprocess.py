"""From any decoded image to the net's input, and the same bytes on every processor and with any number of threads."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxr.data.preprocessing_spec import Chain
from cxr.imaging.decode import Decoded, decode, shrink
from cxr.imaging.preprocess import apply, grow, to_range
from cxr.params.schema import Preprocess

GREY = Chain(size=32, clip_limit=2.0, tiles=4, channels=1)
COLOUR = Chain(size=32, clip_limit=2.0, tiles=4, channels=3)
NEITHER = Chain(size=32, clip_limit=0.0, tiles=4, channels=1)


def noise(shape: tuple[int, ...], dtype: type = np.uint8) -> np.ndarray:
    """The same random pixels every time, over the full range of the type."""
    return np.random.default_rng(1).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def decoded(pixels: np.ndarray, bit_depth: int | None = None) -> Decoded:
    """As the decoder would give these pixels."""
    return Decoded(pixels, bit_depth or pixels.dtype.itemsize * 8, "png")


@pytest.mark.parametrize("chain", [GREY, COLOUR, NEITHER])
@pytest.mark.parametrize("shape", [(40, 50), (50, 40, 3), (7, 9), (100, 5), (32, 32), (1, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_any_image_becomes_a_square_of_bytes(chain: Chain, shape: tuple[int, ...], dtype: type) -> None:
    image = apply(chain, decoded(noise(shape, dtype)))
    assert image.shape == (32, 32, chain.channels) and image.dtype == np.uint8


def test_sixteen_bits_give_what_eight_bits_give() -> None:
    pixels = noise((64, 64))
    wide = pixels.astype(np.uint16) * 257
    assert np.array_equal(apply(NEITHER, decoded(pixels)), apply(NEITHER, decoded(wide)))


def test_the_range_follows_the_bit_depth() -> None:
    assert to_range(np.array([[0, 2048, 4095]], np.uint16), 12).tolist() == [[0, 128, 255]]
    assert to_range(np.array([[0, 32768, 65535]], np.uint16), 16).tolist() == [[0, 128, 255]]


def test_grey_and_its_rgb_copy_are_one_image() -> None:
    grey = noise((40, 40))
    assert np.array_equal(apply(GREY, decoded(grey)), apply(GREY, decoded(np.dstack([grey] * 3))))


def resize(pixels: np.ndarray, size: int) -> np.ndarray:
    """To a square, as `apply` does it."""
    return grow(shrink(pixels, size), size)


def test_what_is_reduced_for_the_statistics_is_what_the_net_gets() -> None:
    image = decoded(noise((64, 90)))
    before = apply(NEITHER, image)
    assert np.array_equal(image.reduced(32), before[:, :, 0])
    assert np.array_equal(apply(NEITHER, image), apply(NEITHER, decoded(noise((64, 90)))))


def test_shrinking_averages_areas_and_enlarging_keeps_flat_areas() -> None:
    assert resize(np.array([[0, 10], [20, 30]], np.uint8), 1).tolist() == [[15]]
    assert np.unique(resize(np.full((3, 200), 77, np.uint8), 32)).tolist() == [77]


def test_a_clip_limit_of_zero_leaves_clahe_out_and_another_changes_the_contrast() -> None:
    flat = (100 + noise((64, 64)) // 16).astype(np.uint8)
    plain, equalised = apply(NEITHER, decoded(flat)), apply(GREY, decoded(flat))
    assert np.array_equal(plain[:, :, 0], resize(flat, 32))
    assert equalised.std() > plain.std()


def test_the_chain_survives_the_card_and_refuses_an_unknown_key() -> None:
    chain = Chain.from_params(Preprocess(), 1)
    assert Chain.from_dict(chain.to_dict()) == chain
    with pytest.raises(ValueError, match="gamma"):
        Chain.from_dict({**chain.to_dict(), "gamma": 1})
    with pytest.raises(ValueError, match="channels"):
        Chain.from_dict({**chain.to_dict(), "channels": 2})


def digest() -> str:
    """SHA-256 over what all chains make of all kinds of images."""
    whole = hashlib.sha256()
    for chain in (GREY, COLOUR, NEITHER, Chain(256, 2.0, 8, 1), Chain(224, 3.0, 7, 3)):
        for shape in ((777, 1031), (300, 301, 3), (1024, 1024), (100, 130), (500, 20)):
            for dtype in (np.uint8, np.uint16):
                whole.update(apply(chain, decoded(noise(shape, dtype))).tobytes())
    return whole.hexdigest()


def test_threads_do_not_change_a_byte() -> None:
    before = cv2.getNumThreads()
    try:
        found = set()
        for threads in (1, 2, 5):
            cv2.setNumThreads(threads)
            found.add(digest())
    finally:
        cv2.setNumThreads(before)
    assert len(found) == 1


@pytest.mark.parametrize(
    "cap",
    [
        {"OPENCV_IPP": "disabled"},
        {"OPENCV_IPP": "sse42"},
        {"OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,AVX,FP16,SSE4.2,SSE4.1", "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3"},
    ],
    ids=lambda cap: "+".join(cap.values()),
)
def test_instruction_sets_do_not_change_a_byte(cap: dict[str, str], root: Path) -> None:
    command = [
        sys.executable,
        "-c",
        f"import sys; sys.path[:0] = [{str(root)!r}]; "
        "from tests.cxr.imaging import test_preprocess; print(test_preprocess.digest())",
    ]
    shown = subprocess.run(command, env={**os.environ, **cap}, capture_output=True, text=True, check=True)
    assert shown.stdout.split()[-1] == digest()


def test_real_radiographs_keep_their_look(shared_data: Path) -> None:
    path = sorted((shared_data / "nih" / "images").glob("*.png"))[0]
    image = apply(Chain(256, 2.0, 8, 1), decode(path.read_bytes(), 10**8))
    assert 40 < image.mean() < 215 and image.std() > 30
