"""What one item may cost a process: memory beyond what the process has, and, in a process of a pool, processor time.

Address space is what is bounded (RLIMIT_AS), from what the process has when the item begins: so the libraries that are
loaded, their threads and a model's weights count for nothing, however many processors a machine has. What goes beyond
fails inside the process as MemoryError, or OpenCV's like, and costs that item alone. Processor seconds are counted, not
the clock's, so that a busy machine refuses nothing; Linux ends a process that goes beyond (SIGPROF), which
`process_pool.map_unordered` tells from a crash. Not for work that may take long: training, a model's answers.
"""

import contextlib
import os
import resource
import signal
from collections.abc import Iterator

SECONDS = 60.0  # the most costly file that the decoder's own bounds let through takes 10 s on a slow core
_PAGE = os.sysconf("SC_PAGE_SIZE")  # bytes
_in_a_pool = False


def end_with_the_deadline() -> None:
    """From now on a deadline that passes ends this process: for processes that somebody replaces."""
    global _in_a_pool
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    _in_a_pool = True


@contextlib.contextmanager
def bounded(memory: int, seconds: float = SECONDS) -> Iterator[None]:
    """Within, the process may take `memory` bytes of address space beyond what it has, and so many seconds.

    MemoryError (or what a library makes of it) is raised by whatever asks for more.
    """
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_lesser(_taken() + memory, before), before[1]))
    if _in_a_pool:
        signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, before)


def _lesser(limit: int, before: tuple[int, int]) -> int:
    """The limit, or one that was set from outside where that is tighter."""
    return min([limit, *(bound for bound in before if bound != resource.RLIM_INFINITY)])


def _taken() -> int:
    """Bytes of address space that the process has; asked for each file, so read without Python's layers."""
    handle = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(handle, 64).split()[0]) * _PAGE
    finally:
        os.close(handle)
