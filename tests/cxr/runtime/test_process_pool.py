"""Processes side by side, where one of them is killed before the next has started."""

import errno

import pytest

from cxr.core.errors import UserError
from cxr.runtime import process_pool


class Dying:
    """In place of an executor: the first calls meet what Python raises where a process has just been killed."""

    def __init__(self, error: OSError) -> None:
        self.error = error

    def submit(self, *given):
        raise self.error

    def map(self, *given, **options):
        raise self.error

    def shutdown(self, **options):
        pass


@pytest.fixture
def dying(monkeypatch):
    """Make every executor a dying one."""
    return lambda error: monkeypatch.setattr(process_pool, "start", lambda *given, **options: Dying(error))


def test_a_process_killed_while_the_next_was_started_is_a_broken_pool_in_one_line(dying):
    dying(OSError("handle is closed"))  # as multiprocessing.connection raises it
    with pytest.raises(UserError, match="a worker process was killed"):
        list(process_pool.map_ordered(abs, [1, 2], 2))
    assert sorted(process_pool.map_unordered(abs, [1, 2], 2)) == [
        (0, process_pool.Lost.KILLED),
        (1, process_pool.Lost.KILLED),
    ]


def test_what_the_system_refuses_stays_what_it_is(dying):
    dying(OSError(errno.EAGAIN, "no more processes"))
    with pytest.raises(OSError, match="no more processes"):
        list(process_pool.map_ordered(abs, [1, 2], 2))
    with pytest.raises(OSError, match="no more processes"):
        list(process_pool.map_unordered(abs, [1, 2], 2))


def _scale(shared, item):
    return shared * item


@pytest.mark.parametrize("processes", [1, 2])
def test_a_pool_keeps_the_items_order_and_sends_the_shared_object_once(processes):
    with process_pool.pool(processes, 10) as map_ordered:
        assert list(map_ordered(_scale, [3, 1, 2])) == [30, 10, 20]
        assert list(map_ordered(_scale, range(5), 2)) == [0, 10, 20, 30, 40], "the same processes work again"


def test_map_ordered_keeps_the_order_and_map_unordered_gives_the_index():
    assert list(process_pool.map_ordered(abs, [-3, 2, -1], 2)) == [3, 2, 1]
    assert dict(process_pool.map_unordered(abs, [-3, 2, -1], 2, chunk=1)) == {0: 3, 1: 2, 2: 1}
