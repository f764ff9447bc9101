"""Box lists: what their header says that the four numbers are."""

import pytest

from cxr.core.errors import UserError
from cxr.raw.boxes import read_boxes
from cxr.raw.tables import TableFile
from tests.fixtures.made_sets import put


def boxes(folder, *columns, numbers="6,8,26,30", rows=1):
    """(x, y, w, h) of the first box of a list with these columns."""
    text = f"Image Index,Finding Label,{','.join(columns)}\n" + f"a.png,Mass,{numbers}\n" * rows
    put(folder, {"BBox_List.csv": text})
    image, box = next(
        iter(list(read_boxes(TableFile.on_disk(folder / "BBox_List.csv"), "Image Index", "Finding Label")))
    )
    assert (image, box.label) == ("a.png", "Mass")
    return box.x, box.y, box.w, box.h


@pytest.mark.parametrize(
    "columns",
    [
        ("x_min", "y_min", "x_max", "y_max"),
        ("xmin", "ymin", "xmax", "ymax"),
        ("X1", "Y1", "X2", "Y2"),
        ("left", "top", "right", "bottom"),
        ("bbox_x_min", "bbox_y_min", "bbox_x_max", "bbox_y_max"),
    ],
)
def test_two_corners_are_a_corner_and_two_sides(tmp_path, columns):
    assert boxes(tmp_path, *columns) == (6, 8, 20, 22)


@pytest.mark.parametrize(
    "columns",
    [
        ("Bbox [x", "y", "w", "h]", "", ""),
        ("x", "y", "w", "h"),
        ("x", "y", "width", "height"),
        ("x_min", "y_min", "width", "height"),
    ],
)
def test_a_corner_and_two_sides_are_taken_as_they_are(tmp_path, columns):
    assert boxes(tmp_path, *columns) == (6, 8, 26, 30)


def test_columns_are_found_by_their_names_in_any_order(tmp_path):
    assert boxes(tmp_path, "h", "w", "y", "x", "note", numbers="1,2,3,4,x") == (4, 3, 2, 1)


@pytest.mark.parametrize(
    "columns", [("a", "b", "c", "d"), ("x_center", "y_center", "w", "h"), ("x", "y", "x_max", "y_max"), ("x", "y", "w")]
)
def test_a_header_that_does_not_say_what_its_numbers_are_is_refused_with_its_columns(tmp_path, columns):
    with pytest.raises(
        UserError, match=rf"which columns are a box\? Its header names {', '.join(columns)}; understood"
    ):
        boxes(tmp_path, *columns, numbers=",".join("1" for _ in columns))


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ("26,30,6,8", "line 2: no box: 26, 30, 6, 8"),
        ("a,1,2,3", "line 2: not four numbers"),
        ("nan,1,2,3", "line 2: no box"),
        ("1,2,3", "line 2: 5 cells, but the header has 6"),
        ("0.1,0.1,0.5,0.6", "no box reaches beyond 1"),
    ],
)
def test_what_is_no_box_is_named_with_its_line(tmp_path, numbers, why):
    with pytest.raises(UserError, match=rf"BBox_List\.csv:? ?{why}"):
        boxes(tmp_path, "x_min", "y_min", "x_max", "y_max", numbers=numbers)
