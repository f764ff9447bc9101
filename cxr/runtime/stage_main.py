"""How every stage starts and ends: environment set, parents watched, parameters checked, errors in one line.

A stage's `__main__` hands over a function that imports the stage: so the environment is set before NumPy, OpenCV or
TensorFlow load, and Ctrl-C in the seconds of their imports ends it in one line, too.
"""

import errno
import logging
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

from cxr.core import determinism
from cxr.core.errors import HashMismatch, UserError
from cxr.core.files import write_json
from cxr.runtime import library_log, process_tree, progress, stage_inputs
from cxr.runtime.paths import RUNS

if TYPE_CHECKING:
    from cxr.params import Params

    Body = Callable[[Params], dict[str, int] | None]  # what a stage does; counts of the work done


STATUSES = "0, 1 (an error, said in a line), 2 (wrong command line), 130 (interrupted), 143 (terminated)"
_GOES_ON = "the same command goes on where it stopped"
_BEGINS_AGAIN = "no output is half-written; the same command begins this stage anew"


def start(stage: str) -> None:
    """Set the environment of this process, tie a stage that dvc started to its parents, hear Ctrl-C before the work.

    What libraries write goes to `.runs/<stage>.log` from here on.
    """
    determinism.set_environment()
    library_log.divert(stage)
    _show_messages()
    if "DVC_STAGE" not in os.environ:
        return
    process_tree.end_with_ancestors()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where the background ignores it
        signal.signal(signal.SIGINT, _interrupted_at_the_start)


def _show_messages() -> None:
    """Let what this project's own code logs reach the console as bare lines; that of libraries stays out of it."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    for package in ("cxr", "stages"):
        logging.getLogger(package).addHandler(handler)
        logging.getLogger(package).setLevel(logging.INFO)
        logging.getLogger(package).propagate = False  # TensorFlow gives the root logger a handler: no second line


def takes_no_arguments() -> None:
    """End a process that was given arguments: `--help` says what the command is, anything else is refused."""
    asked = sys.argv[1:]
    if not asked:
        return
    about = str(sys.modules["__main__"].__doc__).strip()
    if {"-h", "--help"} & set(asked):
        print(f"{about}\n\nTakes no arguments: parameters stand in params.yaml. Exit status: {STATUSES}.")
        sys.exit(0)
    print(f"{about.splitlines()[0]}\nTakes no arguments, but was given: {' '.join(asked)}", file=sys.stderr)
    sys.exit(2)


def run_stage(stage: str, imported: "Callable[[], Body]", resumes: bool = False) -> int:
    """Start, let `imported` import the stage and return its body, run that. Exit status as `run`'s."""
    takes_no_arguments()
    start(stage)
    if "DVC_STAGE" not in os.environ and (absent := stage_inputs.missing(stage)):
        return _fail(stage, "\n".join(absent))
    with progress.heartbeat(stage, "loading libraries") as beat:
        body = imported()
        beat.now("working")
        return run(stage, body, resumes)


def run(stage: str, body: "Body", resumes: bool = False) -> int:
    """Run a body whose imports are done.

    Exit status 0, 1 (error, reported in a line), 130 (interrupted) or 143 (terminated).
    What the body returns are counts of work done; they go to `.runs/<stage>.json`, which no output depends on.
    `resumes` says whether the stage goes on from what an interrupted run did.
    """
    from cxr.params import ParamsError, load

    signal.signal(signal.SIGTERM, _terminate)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        counts = body(load())
    except (ParamsError, UserError, HashMismatch, FileNotFoundError) as error:
        return _fail(stage, str(error))
    except KeyboardInterrupt:
        print(f"\n{stage}: interrupted; {_GOES_ON if resumes else _BEGINS_AGAIN}", file=sys.stderr)
        return 130
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _fail(stage, f"{error.strerror}: {error.filename or 'while writing'}; free some space, run it again")
        if not error.filename:
            raise
        return _fail(stage, f"{error.filename}: {error.strerror}; mend that and run it again")
    if counts is not None:
        write_json(RUNS / f"{stage}.json", counts)
    return 0


def _fail(stage: str, message: str) -> int:
    for line in message.splitlines():
        print(f"{stage}: {line}", file=sys.stderr)
    return 1


def _terminate(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _interrupted_at_the_start(number: int, frame: FrameType | None) -> None:
    message = b"\ninterrupted before the stage's work began: the same command goes on where it stopped\n"
    os.write(sys.stderr.fileno(), message)
    os._exit(130)
