"""Numbers on a benchmark's command line: what can't be meant is refused in a line, with status 2."""

import argparse
import math


def positive(text: str) -> int:
    """A whole number from 1; ArgumentTypeError, which argparse turns into a line, where it is none."""
    return _at_least(1, text)


def natural(text: str) -> int:
    """A whole number from 0; ArgumentTypeError where it is none."""
    return _at_least(0, text)


def finite(text: str) -> float:
    """A finite number from 0; ArgumentTypeError where it is none."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no finite number from 0")
    return number


def _at_least(least: int, text: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least}")
    return int(text)
