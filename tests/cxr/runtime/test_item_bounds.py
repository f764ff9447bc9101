"""One item costs one item: what takes too much memory fails alone, what takes too long ends its process alone."""

import os
import resource
import time

import numpy as np
import pytest

from cxr.runtime.item_bounds import bounded
from cxr.runtime.process_pool import Lost, map_unordered


def test_memory_beyond_the_bound_is_an_error_and_the_bound_is_gone_afterwards():
    before = resource.getrlimit(resource.RLIMIT_AS)
    with pytest.raises(MemoryError), bounded(1 << 28):
        np.empty(1 << 29, np.uint8)
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    with bounded(1 << 30):
        assert np.ones(1 << 28, np.uint8).all()


def _work(what):
    """Return, work for ever, or die."""
    with bounded(1 << 30, seconds=0.3):
        while what == "for ever":
            sum(range(1000))
        if what == "die":
            os.abort()
        if what == "wait":
            time.sleep(1.0)
    return what


def test_an_item_that_works_too_long_is_told_from_one_that_crashes_and_costs_no_other():
    items = ["a", "for ever", "b", "die", "c"]
    assert [found for _, found in sorted(map_unordered(_work, items, 2), key=lambda each: each[0])] == [
        "a",
        Lost.TOO_SLOW,
        "b",
        Lost.KILLED,
        "c",
    ]


def test_waiting_is_not_working():
    assert list(map_unordered(_work, ["wait"], 1)) == [(0, "wait")]


def test_outside_a_pool_no_deadline_ends_the_process():
    with bounded(1 << 30, seconds=0.01):
        sum(range(3_000_000))
