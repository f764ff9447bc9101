"""Layout `nih`: what its table means, and what tables beside scored images tell."""

import gzip
import math
from pathlib import Path

import pandas as pd
import pytest

from cxr.core.errors import UserError
from cxr.raw.batch import Batch
from cxr.raw.incoming import inspect
from cxr.raw.layouts import nih
from tests.fixtures.made_sets import NIH, params, put

VIEWS = "\ufeffImage Index,Patient ID,View Position\n"


def test_views_are_told_by_every_table_at_the_top_or_one_level_down_and_by_no_other(tmp_path):
    put(
        tmp_path,
        {
            "Data_Entry_a.csv": VIEWS + "a.png,1,pa\nx/b.png,1, AP \nc.png,1,\nd.png,1,AP Supine\nh.png,1,somehow\n",
            "mon/Data_Entry_b.csv.gz": gzip.compress((VIEWS + "e.png,1,LL\n").encode()),
            "mon/deep/Data_Entry_c.csv": VIEWS + "f.png,1,PA\n",
            "other.csv": VIEWS + "g.png,1,PA\n",
        },
    )
    (tmp_path / "Data_Entry_link.csv").symlink_to("other.csv")
    assert nih.Nih.views_in(tmp_path) == {"a.png": "PA", "b.png": "AP", "d.png": "AP", "e.png": "LL"}


def test_a_table_that_cannot_be_read_is_named_tells_no_view_and_stops_nothing(tmp_path, caplog):
    put(
        tmp_path,
        {
            "Data_Entry_1.csv.gz": b"no gzip",
            "Data_Entry_2.csv": b"",
            "Data_Entry_3.csv": "Image Index\na.png\n",
            "Data_Entry_4.csv": VIEWS.encode() + "é.png,1,PA\n".encode("latin-1"),
            "Data_Entry_5.csv": VIEWS + "b.png,1,AP\nc.png,1,PA,more\n",
        },
    )
    assert nih.Nih.views_in(tmp_path) == {"b.png": "AP"}
    assert [f"Data_Entry_{number}.csv" in caplog.text for number in (1, 2, 3, 4, 5)] == [True] * 4 + [False]


def written(images: Path, out: Path, *names: str) -> list[str]:
    """Why each study is left out; the others stand in a batch of layout nih."""
    writer, told = nih.Nih(params(NIH).ingest).writer(images), pd.Series({"Mass": 1.0, "Effusion": 0.0})
    reasons = [writer.take(f"{n}" * 64, images / name, told) for n, name in enumerate(names)]
    out.mkdir()
    writer.write(out)
    return reasons


def test_a_batch_from_feedback_is_read_as_it_was_written_wherever_its_columns_stand(tmp_path):
    tables = {
        "Data_Entry_1.csv": "Patient ID,Patient Age,Image Index\n007,058Y,a.png\n , ,c.png\n",
        "Data_Entry_2.csv": "Image Index,Patient ID,View Position\nb.png,8,AP\n",
    }
    images = put(tmp_path / "in", tables | {"a.png": "1", "b.png": "2", "c.png": "3"})
    assert written(images, tmp_path / "out", "a.png", "b.png", "c.png") == ["", "", "no patient is known"]
    found = inspect(tmp_path / "out")
    assert (found.layout, found.images, found.labelled) == ("nih", 2, 2)
    rows = nih.Nih(params(NIH).ingest).read(Batch(tmp_path / "out"), []).records
    assert [(row.findings, row.patient, row.view, row.image is None) for row in rows] == [
        (("Mass",), "7", "", False),
        (("Mass",), "8", "AP", False),
    ]
    assert rows[0].age == pytest.approx(58) and math.isnan(rows[1].age)


def test_a_patient_is_not_known_where_two_rows_say_two_or_the_row_cannot_be_read(tmp_path):
    tables = {
        "Data_Entry_1.csv": "Image Index,Patient ID\na.png,7\nb.png,8\nc.png,9,x\n",
        "Data_Entry_2.csv": "Image Index,Patient ID\na.png,007\nb.png,9\n",
    }
    images = put(tmp_path / "in", tables | {"a.png": "1", "b.png": "2", "c.png": "3"})
    assert written(images, tmp_path / "out", "a.png", "b.png", "c.png") == ["", *["no patient is known"] * 2]


def test_no_view_is_told_of_an_image_to_which_two_rows_give_two(tmp_path):
    put(tmp_path, {"Data_Entry_1.csv": VIEWS + "a.png,1,PA\na.png,1,AP\nb.png,1,PA\nb.png,1,\nb.png,1,pa\n"})
    assert nih.Nih.views_in(tmp_path) == {"b.png": "PA"}


@pytest.mark.parametrize("table", [b"no gzip", gzip.compress(b"Image Index,Patient ID\na.png,7\n")[:-9]])
def test_a_damaged_table_of_patients_is_named(tmp_path, table):
    put(tmp_path, {"a.png": "1", "Data_Entry_1.csv.gz": table})
    with pytest.raises(UserError, match=r"Data_Entry_1\.csv\.gz: cannot be read as a table"):
        written(tmp_path, tmp_path / "out", "a.png")
