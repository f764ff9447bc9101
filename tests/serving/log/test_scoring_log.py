"""The scoring log: whole parts, each study once, by day; and what reads it back."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.log import quarantine, scoring_log
from serving.log.records import RefusedFile

START = datetime(2026, 11, 1, 22, tzinfo=UTC)


def table(numbers: range, model: str = "m", start: datetime = START, minutes: int = 60) -> pa.Table:
    """One study every so many minutes."""
    at = pa.array([start + timedelta(minutes=minutes * i) for i in numbers], pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "image_id": [f"{i:04d}" for i in numbers],
            "scored_at": at,
            "model": [model] * len(numbers),
            "source": [f"{i}.png" for i in numbers],
        }
    )


def test_rows_go_to_the_day_on_which_they_were_scored_and_come_back_in_order(tmp_path):
    scoring_log.append(tmp_path, table(range(3, 6)))
    scoring_log.append(tmp_path, table(range(3)))
    assert sorted(path.name for path in tmp_path.glob("day=*")) == ["day=2026-11-01", "day=2026-11-02"]
    assert scoring_log.read(tmp_path)["image_id"].tolist() == [f"{i:04d}" for i in range(6)]


def test_a_study_stands_once_for_each_model(tmp_path):
    assert len(scoring_log.append(tmp_path, table(range(4)))) == 4
    assert len(scoring_log.append(tmp_path, table(range(2, 6), start=START + timedelta(days=3)))) == 2
    assert len(scoring_log.append(tmp_path, table(range(4), "other"))) == 4
    doubled = pa.concat_tables([table(range(9, 10)), table(range(9, 10), start=START + timedelta(1))])
    assert len(scoring_log.append(tmp_path, doubled)) == 1
    assert len(scoring_log.read(tmp_path)) == 11


def test_writers_side_by_side_add_each_study_once(tmp_path):
    threads = [threading.Thread(target=scoring_log.append, args=(tmp_path, table(range(k, k + 30)))) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parts = tmp_path.glob("day=*/*.parquet")
    ids = [name for part in parts for name in scoring_log._open(part)["image_id"].to_pylist()]
    assert len(ids) == len(set(ids)) == 37


def test_a_window_is_since_until_or_the_last_ones(tmp_path):
    scoring_log.append(tmp_path, table(range(60)))
    assert len(scoring_log.read(tmp_path, since=START + timedelta(hours=50))) == 10
    assert scoring_log.read(tmp_path, until=datetime(2026, 11, 1, 23))["image_id"].tolist() == ["0000"]
    assert scoring_log.read(tmp_path, last=3)["image_id"].tolist() == ["0057", "0058", "0059"]
    assert scoring_log.read(tmp_path / "none").empty


def test_many_small_parts_become_one_and_no_row_changes(tmp_path):
    for i in range(30):
        scoring_log.append(tmp_path, table(range(i, i + 1), minutes=1))
    before = scoring_log.read(tmp_path)
    (tmp_path / "day=2026-11-01" / ".part-x.parquet.123.part").write_bytes(b"left by a kill")
    scoring_log.tidy(tmp_path)
    assert len(list(tmp_path.glob("day=*/*.parquet"))) == 1 and not list(tmp_path.glob("day=*/.part-*"))
    assert scoring_log.read(tmp_path).equals(before)


def test_killed_between_writing_the_one_and_removing_the_many_readers_see_each_row_once(tmp_path, monkeypatch):
    for i in range(25):
        scoring_log.append(tmp_path, table(range(i, i + 1), minutes=1))
    before = scoring_log.read(tmp_path)
    monkeypatch.setattr(Path, "unlink", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        scoring_log.tidy(tmp_path)
    monkeypatch.undo()
    assert scoring_log.read(tmp_path).equals(before) and len(scoring_log.append(tmp_path, table(range(25)))) == 0


def test_a_damaged_part_is_named_with_what_to_do(tmp_path):
    scoring_log.append(tmp_path, table(range(2)))
    part = next(tmp_path.glob("day=*/*.parquet"))
    part.write_bytes(part.read_bytes()[:-30])
    with pytest.raises(scoring_log.LogDamaged, match=f"{part.name}.*move it away"):
        scoring_log.read(tmp_path)


def rewritten(log, **metadata):
    """The log's only part, written anew with other metadata."""
    (part,) = log.glob("day=*/part-*.parquet")
    pq.write_table(pq.ParquetFile(part).read().replace_schema_metadata(metadata or None), part)
    return part


def test_a_part_holds_its_format_and_one_without_a_number_is_read_beside_it(tmp_path):
    scoring_log.append(tmp_path, table(range(3), minutes=1))
    assert pq.ParquetFile(next(tmp_path.glob("day=*/*.parquet"))).schema_arrow.metadata[b"cxr_log_format"] == b"1"
    rewritten(tmp_path)
    assert len(scoring_log.append(tmp_path, table(range(5), minutes=1))) == 2
    assert scoring_log.read(tmp_path)["image_id"].tolist() == [f"{i:04d}" for i in range(5)]


@pytest.mark.parametrize("number", ["2", "new"])
def test_a_part_of_a_newer_format_is_refused_by_name_and_nothing_is_written(tmp_path, number):
    scoring_log.append(tmp_path, table(range(3), minutes=1))
    part = rewritten(tmp_path, cxr_log_format=number)
    said = f"{part.name}: is of format {number}, .* up to 1; .*update the code"
    with pytest.raises(scoring_log.LogTooNew, match=said):
        scoring_log.read(tmp_path)
    with pytest.raises(scoring_log.LogTooNew, match=said):
        scoring_log.append(tmp_path, table(range(5), minutes=1))
    assert list(tmp_path.glob("day=*/*")) == [part]


def test_a_file_stands_once_in_the_quarantine_and_anew_when_its_bytes_changed(tmp_path):
    for sha256 in ("a", "a", "b"):
        quarantine.add(tmp_path, [RefusedFile("x.png", sha256, "corrupt", "detail, with a comma\nand a line")])
    found = quarantine.read(tmp_path)
    assert [row["sha256"] for row in found] == ["a", "b"] and found[0]["detail"].startswith("detail, with")


def test_some_studies_of_one_model_are_found_however_far_back_and_no_part_is_read_for_nothing(tmp_path, monkeypatch):
    scoring_log.append(tmp_path, table(range(100)))
    scoring_log.append(tmp_path, table(range(100), "other"))
    wanted = {f"{i:04d}" for i in (3, 7, 50)} | {"never scored"}
    opened, real = [], scoring_log._open
    monkeypatch.setattr(scoring_log, "_open", lambda path, columns=None: opened.append(columns) or real(path, columns))
    found = scoring_log.read_of(tmp_path, "m", wanted)
    assert found["image_id"].tolist() == ["0003", "0007", "0050"] and set(found["model"]) == {"m"}
    assert "source" in found and opened.count(None) == 2 < opened.count(scoring_log._KEY)
    assert scoring_log.read_of(tmp_path, "m", wanted, last=2)["image_id"].tolist() == ["0007", "0050"]
    late = scoring_log.read_of(tmp_path, "m", wanted, since=START + timedelta(hours=20))
    assert late["image_id"].tolist() == ["0050"]
    assert scoring_log.read_of(tmp_path, "nobody", wanted).empty
    assert scoring_log.read_of(tmp_path / "none", "m", wanted).empty
