"""What ingest makes of grey levels, of orientation, and of pictures that are not whole."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from cxr.data import manifest
from tests.fixtures.made_images import grey, jpeg, png
from tests.fixtures.made_sets import BOX_HEADER, FOLDER, NIH, adds_up, batch, counts, nih_row, nih_table, reasons, run

pytestmark = pytest.mark.usefixtures("here", "in_this_process")


def deep(bits, seed, peak=None):
    """A 16-bit PNG whose levels have so many bits."""
    levels = grey(seed, 40, 48).astype(np.float64)
    pixels = np.rint(levels / levels.max() * (peak or (1 << bits) - 9)).astype(np.uint16)
    return cv2.imencode(".png", pixels)[1].tobytes()


def folder(images, first=1):
    """A batch of layout folder, each image of a patient of its own."""
    return {f"NORMAL/IM-{first + number:04d}-0001.png": data for number, data in enumerate(images)}


def test_12_bit_files_are_as_bright_as_8_bit_ones_and_a_16_bit_one_keeps_its_range():
    eight = [png(grey(seed, 40, 48)) for seed in range(4)]
    batch(folder([*eight, *(deep(12, 10 + seed) for seed in range(6)), deep(16, 20)]))
    table = run(FOLDER)
    assert sorted(zip(table.stored_bits, table.bit_depth, strict=True)) == [(8, 8)] * 4 + [(16, 12)] * 6 + [(16, 16)]
    assert table["std"].min() > 10 and table["mean"].min() > 30
    assert manifest.read().head.level_bits == (12, 16)
    assert counts()["grey_levels"] == {"depths_of_16_bit_files": [12, 16], "images": {"8": 4, "12": 6, "16": 1}}


def test_a_dark_image_of_a_12_bit_set_stays_dark():
    batch(folder([deep(12, seed) for seed in range(8)] + [deep(12, 20, peak=600), deep(12, 21, peak=60)]))
    table = run(FOLDER)
    assert set(table.bit_depth) == {12} and table["mean"].min() < 4


def test_a_batch_that_is_brighter_changes_the_figures_of_files_that_were_known():
    batch(folder([deep(10, seed) for seed in range(8)]))
    first = run(FOLDER)
    batch(folder([deep(12, 50 + seed) for seed in range(12)], first=100), "batch-002")
    second = run(FOLDER)
    assert set(first.bit_depth) == {10} and set(second.bit_depth) == {12}
    assert second["mean"][first.index].to_numpy() == pytest.approx(first["mean"].to_numpy() * 1023 / 4095, rel=1e-5)
    assert set(first.image_id) <= set(second.image_id)


def test_a_set_of_8_bit_files_says_nothing_of_depths():
    batch(folder([png(grey(1)), png(grey(2))]))
    run(FOLDER)
    assert "level_bits" not in manifest.read().head.content()
    assert counts()["grey_levels"] == {"depths_of_16_bit_files": [], "images": {"8": 2}}


def turned(number, pixels):
    """A PNG with an EXIF orientation."""
    block = Image.Exif()
    block[0x0112] = number
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", exif=block.tobytes())
    return stream.getvalue()


def test_an_image_is_upright_in_the_manifest_and_its_box_goes_with_it():
    box = f"{BOX_HEADER}\na.png,Mass,4,3,10,5,,,\n"
    table = nih_table(nih_row("a.png", "Mass", 1), nih_row("b.png", "Mass", 2))
    images = {"images/a.png": turned(6, grey(1)), "images/b.png": png(grey(2))}
    batch({"Data_Entry.csv": table, "BBox_List_2017.csv": box, **images})
    rows = run(NIH)
    row, other = rows.loc["images/a.png"], rows.loc["images/b.png"]
    assert (row.width, row.height, row.orientation) == (24, 32, 6) and row.aspect == pytest.approx(24 / 32)
    assert (other.width, other.height, other.orientation) == (32, 24, 1)
    assert row.boxes == '[{"h": 10.0, "label": "Mass", "w": 5.0, "x": 16.0, "y": 4.0}]'
    assert counts()["exif_orientations"] == {"6": 1}


def test_a_jpeg_that_is_not_whole_is_corrupt_also_with_an_end_marker():
    noise = np.random.default_rng(1).integers(0, 256, (96, 96)).astype(np.uint8)
    whole = jpeg(noise)
    middle = len(whole) // 2
    files = {
        "NORMAL/IM-0001-0001.jpg": whole,
        "NORMAL/IM-0002-0001.jpg": whole[:middle] + b"\xff\xd9",
        "NORMAL/IM-0003-0001.jpg": whole[:middle] + bytes(300) + whole[middle + 300 :],
        "NORMAL/IM-0004-0001.jpg": whole[:middle] + whole[middle + 300 :],
    }
    batch(files)
    assert len(run(FOLDER)) == 1 and adds_up()
    assert reasons() == {f"IM-{number:04d}-0001.jpg": "corrupt" for number in (2, 3, 4)}
