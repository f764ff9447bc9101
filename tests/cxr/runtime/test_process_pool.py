"""Processes side by side, where one of them is killed before the next has started."""
import errno

import pytest

from cxr.core.errors import StageError
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
    return lambda error: monkeypatch.setattr(process_pool, "hire", lambda *given, **options: Dying(error))


def test_a_process_killed_while_the_next_was_started_is_a_broken_pool_in_one_line(dying):
    dying(OSError("handle is closed"))  # as multiprocessing.connection raises it
    with pytest.raises(StageError, match="a worker process was killed"):
        list(process_pool.in_order(abs, [1, 2], 2))
    assert sorted(process_pool.spread(abs, [1, 2], 2)) == [(0, None), (1, None)]


def test_what_the_system_refuses_stays_what_it_is(dying):
    dying(OSError(errno.EAGAIN, "no more processes"))
    with pytest.raises(OSError, match="no more processes"):
        list(process_pool.in_order(abs, [1, 2], 2))
    with pytest.raises(OSError, match="no more processes"):
        list(process_pool.spread(abs, [1, 2], 2))
