"""`dvc repro` without hints that are wrong here (nobody is to `git add` in a workspace), and with a killed stage's log.

A script for `command()`, not to be imported by it: `-P` keeps the working folder, which may hold another commit's
code, and this folder, whose `git.py` is not GitPython's, out of what DVC imports.
"""

import logging
import re
import sys
from pathlib import Path

_PUSH_HINT = "Use `dvc push`"
_FAILED = re.compile(r"failed to reproduce '(?:[^']*:)?([^':]+)'")  # DVC's words
_STATUS = re.compile(r"exited with (-?\d+)")
_OF_SHELL = 128  # a shell's status is 128 + N where signal N ended the command
_ASKED = (130, 143)  # interrupted, terminated: whoever did it knows
_LINES = 10


def command(*arguments: str) -> list[str]:
    """The command line that runs `dvc repro ARGUMENTS` so."""
    return [sys.executable, "-P", str(Path(__file__).resolve()), "repro", *arguments]


def killed(message: str) -> str:
    """Name of the stage that a signal ended, by what DVC says of it; empty where it ended by itself, or on request."""
    stage, status = _FAILED.search(message), _STATUS.search(message)
    if stage is None or status is None:
        return ""
    number = int(status[1])
    return stage[1] if number < 0 or (number > _OF_SHELL and number not in _ASKED) else ""


def last_words(stage: str, runs: Path = Path(".runs")) -> str:
    """What a killed stage's log ends with, in lines for people."""
    log = runs / f"{stage}.log"
    try:
        lines = log.read_text(errors="replace").splitlines()[-_LINES:]
    except OSError:
        lines = []
    end = "".join(f"\n  {line}" for line in lines) or " is empty"
    return (
        f"stage {stage} was killed, by the system (out of memory?) or by a library; what libraries said to "
        f"the end, {log}:{end}"
    )


class _Death(logging.Handler):
    """Shows a killed stage's last words beside DVC's own message about it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Look at an error that DVC logs."""
        error = record.exc_info[1] if record.exc_info else None
        if stage := killed(f"{error}: {error.__cause__}" if error else ""):
            print(last_words(stage), file=sys.stderr, flush=True)


def main(arguments: list[str]) -> int:
    """DVC's command line; its exit status."""
    from dvc.cli import main as dvc
    from dvc.ui import ui

    logging.getLogger("dvc.repo.scm_context").setLevel(logging.WARNING)  # "To track the changes with git, run"
    logging.getLogger("dvc").addHandler(_Death(logging.ERROR))
    write = ui.write

    def without_hint(*objects: object, **how: object) -> None:
        """DVC's own, but for the hint to push."""
        if not str(objects[:1]).strip("('\"").startswith(_PUSH_HINT):
            write(*objects, **how)

    ui.write = without_hint
    return int(dvc(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
