"""Numbers on a benchmark's command line."""

import argparse

import pytest

from benchmarks import amounts


@pytest.mark.parametrize("text", ["-5", "0", "1.5", "nan", "1e3", "many", ""])
def test_what_is_no_count_is_refused_with_status_2_and_a_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--windows", type=amounts.positive)
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args([f"--windows={text}"])
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"{text!r} is no whole number from 1")


def test_nothing_is_a_count_where_it_means_all() -> None:
    assert (amounts.natural("0"), amounts.positive("7")) == (0, 7)


@pytest.mark.parametrize("text", ["-0.1", "nan", "inf", "soon"])
def test_a_measure_is_finite_and_not_below_0(text: str) -> None:
    assert amounts.finite("0") == 0
    with pytest.raises(argparse.ArgumentTypeError, match="no finite number from 0"):
        amounts.finite(text)
