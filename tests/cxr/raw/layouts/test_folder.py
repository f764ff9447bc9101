"""Layout `folder`: classes by folders, and what stands below them."""

import pytest

from cxr.core.errors import UserError
from cxr.raw.layouts.folder import Folder
from cxr.raw.names import BatchError
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import FOLDER, adds_up, batch, counts, run

pytestmark = pytest.mark.usefixtures("here", "in_this_process")

MASKED = {
    f"{label}/{folder}/{label}-{number}.png": png(grey(10 * number + len(label) + len(folder)))
    for label in ("NORMAL", "PNEUMONIA")
    for folder in ("images", "masks")
    for number in range(3)
}


def test_folders_below_the_classes_are_named_and_nothing_is_guessed_of_them():
    batch(MASKED)
    with pytest.raises(UserError) as refused:
        run(FOLDER)
    said = str(refused.value)
    assert said.startswith("data/raw/made/batch-001: folders below the classes: images (6 images), masks (6 images); ")
    assert "(ingest.below_class: images)" in said and '(ingest.below_class: "*")' in said


def test_the_folder_that_is_chosen_holds_the_images_and_the_others_are_counted():
    batch(MASKED | {"NORMAL/masks/notes.bin": b"x"})
    table = run(FOLDER | {"below_class": "images"}, max_quarantined_fraction=0.0)
    assert len(table) == 6 and all("/images/" in source for source in table.index)
    assert (counts()["rows_in"], counts()["left_out"]) == (6, 7) and adds_up()


def test_all_folders_below_a_class_are_taken_where_that_is_said():
    batch({f"train/NORMAL/patient{number}/a.png": png(grey(number)) for number in range(3)})
    assert len(run(FOLDER | {"below_class": "*"})) == 3


def test_a_folder_that_no_class_has_is_no_choice():
    batch(MASKED)
    with pytest.raises(UserError, match=r"no folder 'imgs' \(ingest\.below_class\) below a class; there are images \("):
        run(FOLDER | {"below_class": "imgs"})


def test_train_and_test_below_the_classes_are_told_where_they_belong():
    batch({"NORMAL/train/a.png": png(grey(1)), "NORMAL/test/b.png": png(grey(2)), "PNEUMONIA/test/c.png": png(grey(3))})
    with pytest.raises(UserError, match="train and test stand above the classes, not below"):
        run(FOLDER)


def test_the_folder_of_one_image_that_feedback_makes_is_no_second_level():
    batch({f"NORMAL/{'0a' * 16}/a.png": png(grey(1)), "NORMAL/b.png": png(grey(2))})
    assert len(run(FOLDER)) == 2


@pytest.mark.parametrize("mask", ["x_mask.png", "x-Mask.jpg", "xmask.png", "x_seg.png", "x_segmentation.png"])
def test_masks_beside_their_images_are_refused_by_name(mask):
    with pytest.raises(BatchError, match=f"^from: NORMAL/{mask}: masks, by the images beside them; move them away"):
        Folder.recognise(["NORMAL/x.png", f"NORMAL/{mask}", "PNEUMONIA/y.png"], "from")


def test_an_image_that_is_only_called_like_a_mask_comes_in():
    assert Folder.recognise(["NORMAL/mask.png", "NORMAL/damask.png", "oxygen mask/y_mask.png"], "from")
