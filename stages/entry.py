"""How every stage starts and ends: parameters checked, errors of the user's making in one line each."""
import errno
import signal
import sys
from collections.abc import Callable
from types import FrameType

from stages.artifacts import HashMismatch, write_json
from stages.params import Params, ParamsError, load
from stages.work import RUNS

_GOES_ON = "the same command goes on where it stopped"
_BEGINS_AGAIN = "no output is half-written; the same command begins this stage anew"


class StageError(Exception):
    """Something that a user can cause and mend; the message names file, row, value and what to do next."""


def run(stage: str, body: Callable[[Params], dict[str, int] | None], resumes: bool = False) -> int:
    """Run a stage's body; exit status 0, 1 (error, said in a line), 130 (interrupted) or 143 (terminated).

    What the body returns are counts of work done; they go to `.runs/<stage>.json`, which no output depends on.
    `resumes` says whether the stage goes on from what an interrupted run did.
    """
    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        counts = body(load())
    except (ParamsError, StageError, HashMismatch, FileNotFoundError) as error:
        return _say(stage, str(error))
    except KeyboardInterrupt:
        print(f"\n{stage}: interrupted; {_GOES_ON if resumes else _BEGINS_AGAIN}", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _say(stage, f"{error.strerror}: {error.filename or 'while writing'}; free some space, run it again")
        if not error.filename:
            raise
        return _say(stage, f"{error.filename}: {error.strerror}; mend that and run it again")
    if counts is not None:
        write_json(RUNS / f"{stage}.json", counts)
    return 0


def _say(stage: str, message: str) -> int:
    for line in message.splitlines():
        print(f"{stage}: {line}", file=sys.stderr)
    return 1


def _terminate(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
