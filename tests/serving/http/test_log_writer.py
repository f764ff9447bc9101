"""Rows on their way into the scoring log: none is lost without a word, whatever happens while they are written."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from cxr.imaging.statistics import NAMES
from serving.http import log_writer
from serving.http.metrics import Metrics
from serving.log import scoring_log
from serving.log.records import Scored


def test_rows_that_the_log_never_gets_are_logged_and_counted(tmp_path, monkeypatch, caplog):
    (tmp_path / "log").write_text("a file where the folder should be")
    kept, scored = log_writer.BackgroundLogWriter(tmp_path / "log", 1.0), rows(3)
    counted = Metrics(lambda: 0, lambda: kept.waiting, lambda: kept.lost)
    monkeypatch.setattr(log_writer, "_MOST_ROWS", 4)
    for _ in range(3):
        kept.take(scored)
        kept.write()
    text = caplog.text
    assert text.count("is lost to it") == 1 and "the scoring log was not written" in text and "6 rows wait" in text
    assert (kept.waiting, kept.lost, kept.written) == (6, 3, 0)
    text = counted.text().decode()
    assert "cxr_log_rows_lost_total 3.0" in text and "cxr_log_rows_waiting 6.0" in text
    (tmp_path / "log").unlink()
    kept.write()
    assert (kept.waiting, kept.lost, kept.written) == (0, 3, 3), "the same three studies twice stand once"


def test_a_row_that_comes_while_the_log_is_written_is_not_lost(tmp_path, monkeypatch):
    kept, real = log_writer.BackgroundLogWriter(tmp_path / "log", 1.0), scoring_log.table_of

    def taken_meanwhile(answers):
        if kept.written == 0:
            kept.take(rows(2))  # by the other thread, while the first row is being written
        return real(answers)

    monkeypatch.setattr(log_writer.scoring_log, "table_of", taken_meanwhile)
    kept.take(rows(1))
    kept.write()
    assert (kept.waiting, kept.written) == (2, 1)
    kept.write()
    assert (kept.waiting, kept.written, kept.lost) == (0, 2, 0), "of the two one stood already"


def test_answers_of_nets_of_two_widths_stand_in_one_part_and_none_is_lost_where_that_fails(
    tmp_path, monkeypatch, caplog
):
    kept, real = log_writer.BackgroundLogWriter(tmp_path / "log", 1.0), scoring_log.append
    narrow, wide = rows(1), rows(2)
    kept.take(narrow)
    kept.take(replace(wide, model="n", features=np.ones((2, 5), np.float32)))

    def fails(*given):
        raise RuntimeError("nobody expected this")

    monkeypatch.setattr(log_writer.scoring_log, "append", fails)
    kept.write()
    assert (kept.waiting, kept.written) == (3, 0) and "nobody expected this; 3 rows wait" in caplog.text
    monkeypatch.setattr(log_writer.scoring_log, "append", real)
    kept.write()
    assert (kept.waiting, kept.written) == (0, 3)
    assert sorted(map(len, scoring_log.read(tmp_path / "log")["features"])) == [1, 5, 5]


def test_a_row_waits_until_it_stands_in_the_log(tmp_path, monkeypatch):
    kept, real, seen = log_writer.BackgroundLogWriter(tmp_path / "log", 1.0), scoring_log.append, []
    kept.take(rows(2))
    monkeypatch.setattr(log_writer.scoring_log, "append", lambda *given: seen.append(kept.waiting) or real(*given))
    kept.write()
    assert seen == [2] and kept.waiting == 0 and len(scoring_log.read(tmp_path / "log")) == 2


def rows(count: int) -> Scored:
    """So many studies, answered."""
    some = np.zeros((count, 1), np.float32)
    return Scored(
        "m",
        "v1",
        ("Mass",),
        datetime.now(UTC),
        tuple(("http", f"{i:032x}", 8, 8, 8) for i in range(count)),
        np.zeros((count, len(NAMES)), np.float32),
        some,
        some,
        some.astype(np.float64),
        some[:, 0],
    )
