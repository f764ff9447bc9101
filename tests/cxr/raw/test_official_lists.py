"""Official lists: matched by file name, in whatever form they are written."""

import pytest

from cxr.raw.batch import Batch
from cxr.raw.official_lists import OfficialLists, lists_among
from tests.fixtures.made_sets import put

IMAGES = {f"images/{name}.png": "x" for name in "abc"}


def splits(folder, **lists):
    """Image name to split, by the lists of one batch."""
    batch = Batch(
        put(folder / "batch-001", IMAGES | {name.replace("_txt", ".txt"): text for name, text in lists.items()})
    )
    found = OfficialLists().splits(batch, [])
    return {key[1][-5] if isinstance(key, tuple) else key: split for key, split in found.items()}


@pytest.mark.parametrize(
    "entry", ["b.png", "images/b.png", "images\\b.png", "B.PNG", "./b.png", '"b.png"', "x/b.png", "\ufeffb.png"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_an_entry_is_matched_by_its_file_name(tmp_path, entry, end):
    assert splits(tmp_path, test_list_txt=f"{entry}{end}{end}", train_val_list_txt=f"a.png{end}") == {
        "a": "train",
        "b": "test",
    }


@pytest.mark.parametrize("text", ["Image Index\nb.png\n", "Image Index,Split\nb.png,test\n", ",Image Index\n0,b.png\n"])
def test_a_list_may_be_a_table_with_a_header(tmp_path, text):
    assert splits(tmp_path, test_list_txt=text) == {"b": "test"}


def test_an_entry_that_names_nothing_is_kept_by_its_name(tmp_path):
    assert splits(tmp_path, test_list_txt="b\nz.png\n") == {"b": "test", "z.png": "test"}


def test_an_image_in_both_lists_is_for_test(tmp_path):
    assert splits(tmp_path, test_list_txt="b.png\n", train_val_list_txt="b.png\n") == {"b": "test"}


def test_an_earlier_batchs_list_holds_for_an_image_that_comes_later_and_not_for_another_of_its_own_images_name(
    tmp_path,
):
    lists = {"test_list.txt": "a.png\nlate.png\n"}
    first = Batch(put(tmp_path / "batch-001", {"images/a.png": "x", **lists}))
    second = Batch(put(tmp_path / "batch-002", {"images/a.png": "y", "images/late.png": "x"}))
    assert OfficialLists().splits(second, [first]) == {("batch-001", "images/a.png"): "test", "late.png": "test"}


def test_lists_are_known_by_name_however_it_is_written():
    names = ["test_list.txt", "Test_List_NIH.TXT", "train_val_list.csv.gz", "list.txt", "images/test_list.txt"]
    assert lists_among(names) == names[:3]
