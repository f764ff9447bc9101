"""A few dozen damaged files come out as images or as refusals by name, and a fault would be told."""

import pytest

from benchmarks import fuzz_decoder
from cxr.imaging.formats.undecodable import REASONS
from cxr.runtime.process_pool import Lost


def test_damaged_files_are_decoded_or_refused_by_name():
    results = [fuzz_decoder.tried((7, number)) for number in range(90)]
    assert {each.outcome for each in results} <= {"decoded", *REASONS}
    assert [each.wrong for each in results if each.wrong] == []
    assert {"decoded", "corrupt", "truncated"} <= {each.outcome for each in results}


def test_the_same_seed_damages_the_same_files_in_every_way():
    files = [fuzz_decoder.mutated(3, number) for number in range(12)]
    assert files == [fuzz_decoder.mutated(3, number) for number in range(12)] and len(set(files)) == 12


@pytest.mark.parametrize("result", [Lost.KILLED, fuzz_decoder.Result("another error", 0.1, 1, "KeyError: 3")])
def test_a_fault_makes_the_status_1_and_is_said(result, monkeypatch, capsys):
    monkeypatch.setattr(fuzz_decoder, "map_unordered", lambda *given: iter([(0, result)]))
    assert fuzz_decoder.run(1, 1) == 1
    assert "file 0: " in capsys.readouterr().out
