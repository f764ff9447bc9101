"""How the report writes numbers."""

import pytest

from stages.report import numbers


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (numbers.size(2_500_000), "2.50 MB"),
        (numbers.size("n/a"), "n/a"),
        (numbers.large(38_000_000), "38.0 M"),
        (numbers.interval({"low": 0.5, "high": "n/a"}), ""),
        (numbers.signed(0.01), "+0.010"),
        (numbers.figure(None), "n/a"),
    ],
)
def test_numbers_are_written_with_their_units(told: str, expected: str) -> None:
    assert told == expected
