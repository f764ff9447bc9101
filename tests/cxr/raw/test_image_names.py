"""Which file a table's name means: NFC, case and leading folders, but nothing by likeness."""

import pytest

from cxr.raw.image_names import BatchImages, Match, NameIndex, unsafe

FILES = NameIndex(
    sorted(["images/a.png", "images/B.PNG", "images/Nu\u0301n\u0303ez.png", "one/x.png", "two/x.png", "d.png"])
)


@pytest.mark.parametrize(
    ("name", "path", "how"),
    [
        ("a.png", "images/a.png", ""),
        ("b.png", "images/B.PNG", "case"),
        ("N\u00fa\u00f1ez.png", "images/Nu\u0301n\u0303ez.png", "unicode"),
        ("images/a.png", "images/a.png", ""),
        ("./a.png", "images/a.png", ""),
        ("images\\a.png", "images/a.png", "path"),
        ("C:\\export\\images\\a.png", "images/a.png", "path"),
        ("/data/d.png", "d.png", "path"),
        ("two/x.png", "two/x.png", ""),
        ("deep/TWO/x.png", "two/x.png", "path"),
    ],
)
def test_a_name_means_the_one_file_that_fits(name, path, how):
    assert FILES.find(name) == Match(path, how)


@pytest.mark.parametrize("name", ["", "c.png", "a.pn", "a", "../images/a.png", "images/../a.png", "..", "/", "\\"])
def test_a_name_that_no_file_bears_means_none(name):
    assert FILES.find(name) == Match()


def test_a_name_in_another_folder_is_not_taken_and_said():
    assert (
        FILES.find("other/a.png").fault == "no path ends like 'other/a.png', though 'images/a.png' has that file name"
    )


def test_names_that_differ_in_case_only_are_not_taken_where_two_fit():
    index = NameIndex(["images/A.png", "images/a.PNG"])
    assert index.find("A.png") == Match("images/A.png")
    assert index.find("a.png").fault.startswith("2 files differ from it in upper and lower case only")


def test_a_list_means_the_file_of_that_name_whatever_the_folder():
    assert FILES.by_file_name("train/a.png").path == "images/a.png"
    assert FILES.by_file_name("../a.png").path == ""


def test_of_several_batches_the_own_one_then_the_latest_has_the_file():
    images = BatchImages([("3", NameIndex(["c.png"])), ("2", NameIndex(["i/a.png"])), ("1", NameIndex(["a.png"]))])
    assert images.find("a.png") == (("2", "i/a.png"), Match("i/a.png"))
    assert images.find("b.png") == (None, Match())


@pytest.mark.parametrize("name", ["/etc/passwd", "C:x.png", "..\\x", "a/../b", "a\\..\\b"])
def test_names_that_leave_their_folder_are_unsafe_with_either_separator(name):
    assert unsafe(name)
    assert not unsafe("images\\a.png")
