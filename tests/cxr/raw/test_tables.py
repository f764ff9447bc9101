"""The one reader of tables: what it reads, and what it names where it can't."""

import gzip

import pytest

from cxr.core.errors import UserError
from cxr.raw.batch import Batch
from cxr.raw.tables import TableFile, csv_text
from tests.fixtures.made_sets import put

TABLE = '\ufeffid, word ,\n\n1," a, b ",x,beyond\n2\n'


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_a_table_reads_the_same_plain_or_zipped_in_a_batch_or_outside(tmp_path, name):
    content = gzip.compress(TABLE.encode()) if name.endswith(".gz") else TABLE.encode()
    put(tmp_path, {name: content})
    inside, outside = TableFile.in_batch(Batch(tmp_path), name), TableFile.on_disk(tmp_path / name)
    assert inside == outside
    assert list(outside.cells()) == [(1, ["id", "word", ""]), (3, ["1", "a, b", "x", "beyond"]), (4, ["2"])]


def test_a_short_row_has_the_needed_columns_empty_and_cells_beyond_the_header_are_dropped(tmp_path):
    put(tmp_path, {"t.csv": TABLE})
    rows = list(TableFile.on_disk(tmp_path / "t.csv").rows("word"))
    assert rows == [(3, {"id": "1", "word": "a, b", "": "x"}), (4, {"id": "2", "word": ""})]


def test_a_list_of_names_is_read_by_lines_without_empty_ones(tmp_path):
    put(tmp_path, {"list.txt": "a.png\r\n\n b.png \n"})
    assert TableFile.on_disk(tmp_path / "list.txt").lines() == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("t.csv", b"id\n\xff\n", r"t\.csv: cannot be read as a table"),
        ("t.csv.gz", b"no gzip", r"t\.csv\.gz: cannot be read as a table"),
        ("t.csv.gz", gzip.compress(b"id\n1\n" * 99)[:-9], r"t\.csv\.gz: cannot be read as a table"),
        ("t.csv", b"other\n1\n", r"t\.csv: its first line lacks the columns id, word"),
        ("t.csv", b"", r"t\.csv: its first line lacks the columns id, word"),
        ("t.csv", b"id,word\n1," + b"x" * 200_000, r"t\.csv line 2: not CSV"),
        ("t.csv", b"id\n" + bytes(1 << 20), r"t\.csv: more than 1000000 bytes"),
        ("t.csv.gz", gzip.compress(bytes(1 << 20)), r"t\.csv\.gz: more than 1000000 bytes unzipped"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, content, why):
    put(tmp_path, {name: content})
    with pytest.raises(UserError, match=why):
        list(TableFile.on_disk(tmp_path / name, most_bytes=1_000_000).rows("id", "word"))


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.csv: cannot be read"):
        TableFile.on_disk(tmp_path / "nowhere.csv")


def test_what_is_written_is_read_back_and_columns_that_some_rows_lack_are_empty_there(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(csv_text([{"id": "1", "word": 'a, "b"'}, {"id": "2", "more": "x"}]))
    assert path.read_text() == 'id,word,more\n1,"a, ""b""",\n2,,x\n'
    assert [row["word"] for _, row in TableFile.on_disk(path).rows("word")] == ['a, "b"', ""]
