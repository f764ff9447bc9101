"""A few dozen damaged tables through every door: they are read or refused by name, and nothing else."""

import pytest

from benchmarks import fuzz_tables
from benchmarks.fuzz_tables import MUTATIONS, Outcomes, fuzz, mutated, sound, try_table


def test_damaged_tables_are_read_or_refused_by_name_at_every_door():
    outcomes = fuzz(40, seed=0)
    assert outcomes.faults == []
    assert sum(outcomes.counts.values()) == 5 * 40
    assert outcomes.counts["ingest: refused"] > 5 < outcomes.counts["ingest: read"]


def test_a_sound_table_is_read_at_every_door():
    outcomes = Outcomes()
    try_table("sound", sound(fuzz_tables.random.Random(0)), outcomes)
    assert set(outcomes.counts) == {
        f"{door}: read" for door in ("ingest", "look", "views", "patients of feedback", "feedback")
    }


def test_a_seed_gives_the_same_table_again():
    assert mutated(7) == mutated(7) != mutated(8)


@pytest.mark.parametrize("error", [ValueError("x"), MemoryError(), fuzz_tables.UserError("of no table")])
def test_anything_but_a_refusal_by_name_is_a_fault(monkeypatch, capsys, error):
    def broken(folder):
        raise error

    monkeypatch.setattr(fuzz_tables, "views_of", broken)
    monkeypatch.setattr(fuzz_tables, "MUTATIONS", {"comma": MUTATIONS["comma"]})
    assert fuzz_tables.main(["--tables", "2"]) == 1
    assert "views: FAULT" in capsys.readouterr().out
