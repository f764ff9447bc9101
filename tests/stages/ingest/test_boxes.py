"""Reference boxes on their way into the manifest."""

import json

import pytest

from cxr.core.errors import UserError
from tests.fixtures.made_sets import BOX_HEADER, NIH, batch, counts, nih_files, run

pytestmark = pytest.mark.usefixtures("here", "in_this_process")


def test_boxes_are_read_by_position_and_infiltrate_is_infiltration():
    lines = [BOX_HEADER, "00000001_000.png,Infiltrate,1.5,2,3,4", "elsewhere.png,Mass,1,2,3,4"]
    batch(nih_files(1) | {"BBox_List_2017.csv": "\n".join(lines)})
    table = run(NIH)
    assert table.loc["images_001/images/00000001_000.png"].boxes == (
        '[{"h": 4.0, "label": "Infiltration", "w": 3.0, "x": 1.5, "y": 2.0}]'
    )
    assert (counts()["boxes"], counts()["boxes_of_other_images"]) == (1, 1)


def test_boxes_of_findings_that_are_not_asked_for_are_left_out_and_counted_and_unknown_words_stay():
    lines = [BOX_HEADER, *(f"00000001_000.png,{word},1,2,3,4" for word in ("Mass", "Nodule", "Sparrow"))]
    batch(nih_files(1) | {"BBox_List_2017.csv": "\n".join(lines)})
    table = run(NIH | {"labels": ["Mass", "Effusion"]})
    kept = json.loads(table.loc["images_001/images/00000001_000.png"].boxes)
    assert [box["label"] for box in kept] == ["Mass", "Sparrow"]
    assert (counts()["boxes"], counts()["boxes_of_other_findings"], counts()["boxes_of_other_images"]) == (2, 1, 0)


def test_corners_of_boxes_become_a_corner_and_sides():
    lines = ["Image Index,Finding Label,x_min,y_min,x_max,y_max", "00000001_000.png,Mass,6,8,26,30"]
    batch(nih_files(1) | {"BBox_List_2017.csv": "\n".join(lines)})
    table = run(NIH)
    assert '"h": 22.0' in table.boxes.iloc[0] + table.boxes.iloc[1] and '"w": 20.0' in table.boxes.max()


@pytest.mark.parametrize("cells", ["x,1,2,3", "1,2,3", "nan,1,2,3", "1,1,0,3"])
def test_a_wrong_box_is_named_with_its_line(cells):
    batch(nih_files(1) | {"BBox_List_2017.csv": f"{BOX_HEADER}\n00000001_000.png,Mass,{cells}\n"})
    with pytest.raises(UserError, match=r"BBox_List_2017\.csv line 2"):
        run(NIH)
