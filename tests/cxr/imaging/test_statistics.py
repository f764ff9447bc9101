"""The figures that say what an image looks like: what each one answers to, and that bit depth and colour do not."""

import hashlib
import math

import cv2
import numpy as np
import pytest

from cxr.data.manifest import STATISTICS
from cxr.imaging.decode import Decoded, shrink
from cxr.imaging.statistics import NAMES, describe


def an_image(side: int = 300) -> np.ndarray:
    """A bright, noisy disc on dark ground, uint8 (side, side)."""
    down, across = np.indices((side, side)) / side - 0.5
    smooth = 40 + 150 * np.exp(-8 * (down**2 + across**2))
    noisy = smooth + np.random.default_rng(5).normal(0, 2, (side, side))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def described(pixels: np.ndarray) -> dict[str, float]:
    return describe(Decoded(pixels, 8 * pixels.dtype.itemsize, "png"))


def test_the_names_are_the_manifests_in_their_order():
    assert tuple(described(an_image())) == NAMES == STATISTICS


def test_moments_and_quantiles_are_numpys():
    pixels = an_image()
    figures, counted = described(pixels), cv2.resize(pixels, (256, 256), interpolation=cv2.INTER_AREA)[::2]
    levels = counted.astype(float)
    low, middle, high = np.quantile(counted, [0.05, 0.5, 0.95], method="inverted_cdf")
    assert figures["mean"] == pytest.approx(levels.mean())
    assert figures["std"] == pytest.approx(levels.std())
    assert (figures["median"], figures["contrast"]) == (middle, int(high) - int(low))
    assert figures["skewness"] == pytest.approx((((levels - levels.mean()) / levels.std()) ** 3).mean())


def test_sixteen_bits_and_colour_give_the_figures_of_the_same_picture_in_eight_bits_of_grey():
    for side, near, far in ((200, 1e-9, 1e-9), (300, 0.1, 0.6)):  # a larger image is reduced, and rounded in eight bits
        pixels = an_image(side)
        deep = described(pixels.astype(np.uint16) * 257)
        for name, value in described(pixels).items():
            if name in ("noise", "aspect"):  # of the pixels as stored
                assert deep[name] == pytest.approx(value, rel=1e-9), (side, name)
            elif name in ("black", "white", "skewness"):
                assert deep[name] == pytest.approx(value, abs=min(far, 0.02)), (side, name)
            else:
                assert deep[name] == pytest.approx(value, rel=near, abs=far), (side, name)
        assert described(np.dstack([pixels] * 3)) == described(pixels)


def test_the_brightest_and_deepest_image_stays_in_sixty_four_bits():
    figures = described(np.where(np.indices((256, 256)).sum(0) % 256 < 250, 65535, 0).astype(np.uint16))
    assert figures["mean"] == pytest.approx(255 * 250 / 256) and figures["skewness"] < -6
    assert described(np.full((256, 256), 65535, np.uint16))["mean"] == 255


@pytest.mark.parametrize(
    ("name", "change", "sign"),
    [
        ("skewness", lambda p: 255 - p, -1),
        ("border", lambda p: 255 - p, 1),
        ("sharpness", lambda p: cv2.GaussianBlur(p, (0, 0), 1.5), -1),
        ("noise", lambda p: cv2.GaussianBlur(p, (0, 0), 1.5), -1),
        ("noise", lambda p: cv2.add(p, np.random.default_rng(6).integers(0, 12, p.shape, np.uint8)), 1),
        ("contrast", lambda p: p // 2 + 64, -1),
        ("black", lambda p: np.where(np.arange(300) < 20, 0, p).astype(np.uint8), 1),
        ("white", lambda p: cv2.add(p, np.full_like(p, 90)), 1),
        ("aspect", lambda p: p[:, :200], -1),
        ("mean", lambda p: cv2.add(p, np.full_like(p, 9)), 1),
    ],
)
def test_each_figure_moves_with_what_it_is_named_after(name, change, sign):
    pixels = an_image()
    assert sign * (described(change(pixels))[name] - described(pixels)[name]) > 0.02


def test_the_noise_estimate_is_the_deviation_of_added_noise():
    flat = np.full((400, 400), 120.0)
    pixels = np.rint(flat + np.random.default_rng(2).normal(0, 6, flat.shape)).astype(np.uint8)
    assert described(pixels)["noise"] == pytest.approx(6, rel=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (1, 7), (3, 3), (40, 2)])
def test_every_figure_is_finite_however_small_or_flat_the_image(shape):
    flat, mixed = np.zeros(shape, np.uint8), np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    for pixels in (flat, mixed, mixed.astype(np.uint16) * 200):
        assert np.isfinite(list(described(pixels).values())).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(2, 2), (7, 5), (256, 256), (300, 700)])
def test_sharpness_and_noise_are_exact_whatever_fast_path_opencv_takes(shape, dtype):
    pixels = np.random.default_rng(3).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
    figures = describe(Decoded(pixels, 8 * pixels.dtype.itemsize, "png"))
    small = shrink(pixels, 256)
    small = middle(small, *(math.ceil(side / 2) for side in small.shape))
    around = np.pad(small.astype(object), 1, mode="reflect")
    laplacian = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:] - 4 * around[1:-1, 1:-1]
    assert figures["sharpness"] == (exact(laplacian) / exact(small.astype(object)) if small.size > 1 else 0)
    whole = middle(pixels, *(min(side, 128) for side in shape)).astype(object)
    if min(shape) > 2:
        residue = sum(
            a * b * whole[i : whole.shape[0] - 2 + i, j : whole.shape[1] - 2 + j]
            for i, a in enumerate((1, -2, 1))
            for j, b in enumerate((1, -2, 1))
        )
        scale = 255 / int(np.iinfo(dtype).max)
        assert figures["noise"] == math.sqrt(math.pi / 2) * float(abs(residue).sum()) / (6 * residue.size) * scale


def middle(pixels, height, width):
    """So many rows and columns in the middle."""
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def exact(values):
    """Standard deviation by integers of any length."""
    first, second = int(values.sum()), int((values * values).sum())
    return math.sqrt(second * values.size - first * first) / values.size


def test_ingest_writes_what_describe_says(tmp_path, monkeypatch):
    from stages.ingest import facts
    from stages.ingest.facts import decode_file

    class Place:
        path, size = "x.png", 1000

        def read(self):
            return content

    content = cv2.imencode(".png", an_image(60))[1].tobytes()
    task = facts._Task(Place(), hashlib.sha256(content).hexdigest(), ".png", 10**6)
    assert decode_file(task).statistics == (tuple(described(an_image(60)).values()),)
