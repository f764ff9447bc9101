"""The one reader of tables: what it reads, and what it names where it can't."""

import gzip
import os

import pytest

from cxr.core.errors import UserError
from cxr.raw.batch import Batch
from cxr.raw.tables import TableFile, csv_text
from tests.fixtures.made_sets import put

TABLE = '\ufeffid, word ,\n\n1," a, b ",\n,,\n2,x\n'


def read(folder, content, *needed, name="t.csv"):
    """The rows of a table: its sound ones as (line, cells), of faulty ones (line, fault)."""
    put(folder, {name: content})
    return [
        (row.line, row.fault or row.cells)
        for row in TableFile.on_disk(folder / name).all_rows(*(needed or ("id", "word")))
    ]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "T.CSV.GZ"])
def test_a_table_reads_the_same_plain_or_zipped_in_a_batch_or_outside(tmp_path, name):
    content = gzip.compress(TABLE.encode()) if name.lower().endswith(".gz") else TABLE.encode()
    put(tmp_path, {name: content})
    inside, outside = TableFile.in_batch(Batch(tmp_path), name), TableFile.on_disk(tmp_path / name)
    assert list(inside.rows("id")) == list(outside.rows("id"))
    assert list(outside.rows("word")) == [(3, {"id": "1", "word": "a, b"}), (5, {"id": "2", "word": "x"})]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_are_read_wherever_a_chunk_ends(tmp_path, end, monkeypatch):
    text = end.join(["id,word", "", "1,a", "2,b", ""])
    for size in range(1, 12):
        monkeypatch.setattr("cxr.raw.table_text._CHUNK", size)
        assert read(tmp_path, text) == [(3, {"id": "1", "word": "a"}), (4, {"id": "2", "word": "b"})], size


def test_a_row_with_a_cell_more_or_less_is_faulty_with_its_line_and_the_others_are_read(tmp_path):
    rows = read(tmp_path, "id,word\n1,a\n2,b,c\n3\n4,d\n")
    assert rows == [
        (2, {"id": "1", "word": "a"}),
        (3, "3 cells, but the header has 2"),
        (4, "1 cells, but the header has 2"),
        (5, {"id": "4", "word": "d"}),
    ]


def test_an_open_quote_costs_the_line_on_which_it_opens_and_no_other(tmp_path):
    rows = read(tmp_path, 'id,word\n1,a\n2,"b\n3,c\n4,"d"e\n5,f\n')
    assert [line for line, _ in rows] == [2, 3, 4, 5, 6]
    assert [line for line, found in rows if "quote that opens on this line" in found] == [3, 5]


def test_a_last_column_without_name_may_be_left_out_but_not_filled(tmp_path):
    rows = read(tmp_path, "id,word,\n1,a,\n2,b\n3,\n4,c,d\n")
    assert rows == [
        (2, {"id": "1", "word": "a"}),
        (3, {"id": "2", "word": "b"}),
        (4, "2 cells, but the header has 3"),
        (5, "a cell stands behind the last column that has a name (word)"),
    ]


def test_a_comma_behind_every_row_is_no_cell_and_behind_some_rows_it_is_one_too_many(tmp_path):
    assert read(tmp_path, "id,word\n1,a,\n2,b,\n") == [(2, {"id": "1", "word": "a"}), (3, {"id": "2", "word": "b"})]
    assert read(tmp_path, "id,word\n1,a,\n2,b\n")[0] == (2, "3 cells, but the header has 2")


@pytest.mark.parametrize("index", ["", "Unnamed: 0"])
def test_an_index_column_in_front_is_left_out(tmp_path, index):
    assert read(tmp_path, f"{index},id,word\n0,1,a\n1,2,b\n")[1] == (3, {"id": "2", "word": "b"})


def test_a_table_of_which_no_row_can_be_read_is_refused_with_the_first(tmp_path):
    with pytest.raises(UserError, match="2 of 2 rows can't be read; line 2: 3 cells, but the header has 2; save"):
        read(tmp_path, "id,word\n1,a,b\n2,a,b\n")


def test_a_faulty_row_stops_whoever_does_not_ask_for_faulty_rows(tmp_path):
    put(tmp_path, {"t.csv": "id,word\n1,a\n2\n"})
    with pytest.raises(UserError, match=r"t\.csv line 3: 1 cells, but the header has 2"):
        list(TableFile.on_disk(tmp_path / "t.csv").rows("id"))


def test_a_list_of_names_is_read_by_lines_without_empty_ones(tmp_path):
    put(tmp_path, {"list.txt": "\ufeffa.png\r\n\n b\u2028.png \n"})
    assert list(TableFile.on_disk(tmp_path / "list.txt").lines()) == [(1, "a.png"), (3, "b\u2028.png")]


OTHER_DIALECTS = {
    "semicolons": "id;word\n1;a\n",
    "by semicolons": '"id";"word"\n"1";"a"\n',
    "tabs": "id\tword\n1\ta\n",
    "vertical bars": "id|word\n1|a\n",
    "';' \\(its first line is": "sep=;\nid;word\n",
    "UTF-16": "id,word\n1,a\n".encode("utf-16"),
    "UTF-32": "id,word\n".encode("utf-32"),
    "line 3: byte 0xfc is not UTF-8": "id,word\n1,a\n2,Müller\n".encode("cp1252"),
    "line 2: a control character": "id,word\n1,\0\n",
    "spreadsheet's own file": b"PK\x03\x04rest",
    "gzipped without": gzip.compress(b"id,word\n"),
}


@pytest.mark.parametrize("what", OTHER_DIALECTS)
def test_another_dialect_is_refused_in_a_line_that_says_what_to_save_it_as(tmp_path, what):
    with pytest.raises(UserError, match=rf"t\.csv.*{what}.*; save it as CSV, UTF-8, separated by commas$"):
        read(tmp_path, OTHER_DIALECTS[what])


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("t.csv.gz", b"no gzip", r"t\.csv\.gz: cannot be read as a table"),
        ("t.csv.gz", gzip.compress(b"id,word\n1,a\n" * 99)[:-9], r"t\.csv\.gz: cannot be read as a table"),
        ("t.csv", b"other\n1\n", r"t\.csv: its first line lacks the columns id, word; it has other"),
        ("t.csv", b"", r"t\.csv: is empty; it needs the columns id, word"),
        ("t.csv", b"id,id,word\n", r"t\.csv: its first line names the column id twice"),
        ("t.csv", b'id,"word\n1,a\n', r"t\.csv line 1: a quote in the header is not closed"),
        ("t.csv", b"id,word\n1," + b"x" * 200_000, r"t\.csv: a line of more than 131072 bytes"),
        ("t.csv", b"id,word\n" + b"1,a\n" * 300_000, r"t\.csv: more than 1000000 bytes;"),
        ("t.csv.gz", gzip.compress(b"id,word\n" + b"1,a\n" * 300_000), r"more than 1000000 bytes unzipped"),
        ("t.csv", b"id,word," + b"x," * 2000, r"t\.csv: more than 1000 columns"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, content, why):
    put(tmp_path, {name: content})
    with pytest.raises(UserError, match=why):
        list(TableFile.on_disk(tmp_path / name, most_bytes=1_000_000).rows("id", "word"))


@pytest.mark.parametrize("bound", ["cxr.raw.table_text.MOST_LINES", "cxr.raw.tables._MOST_CELLS"])
def test_more_lines_or_cells_than_are_read_are_refused_and_not_cut_off(tmp_path, monkeypatch, bound):
    assert len(read(tmp_path, "id,word\n" + "1,a\n" * 9)) == 9
    monkeypatch.setattr(bound, 9)
    with pytest.raises(UserError, match=r"more than 9 .*; make several batches of it"):
        read(tmp_path, "id,word\n" + "1,a\n" * 9)


def test_a_pipe_in_the_place_of_a_table_is_refused_and_nobody_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "t.csv")
    with pytest.raises(UserError, match=r"t\.csv: a folder, pipe or device"):
        TableFile.on_disk(tmp_path / "t.csv")


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.csv: cannot be read"):
        TableFile.on_disk(tmp_path / "nowhere.csv")


def test_what_is_written_is_read_back_and_columns_that_some_rows_lack_are_empty_there(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(csv_text([{"id": "1", "word": 'a, "b"'}, {"id": "2", "more": "x"}]))
    assert path.read_text() == 'id,word,more\n1,"a, ""b""",\n2,,x\n'
    assert [row["word"] for _, row in TableFile.on_disk(path).rows("word")] == ['a, "b"', ""]
