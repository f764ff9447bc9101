"""Commits what adding or removing a batch changed: these files and no others."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from cxr.core.errors import UserError


class NotCommitted(UserError):
    """Git refused; the message holds its reason. What was to be committed is as it was."""


def commit(files: Sequence[Path], message: str) -> None:
    """Commit exactly these files; what else is changed or staged stays as it is. NotCommitted where git refuses."""
    paths = [path.as_posix() for path in known(files)]
    for words in (("add", "--", *paths), ("commit", "--quiet", "-m", message, "--", *paths)):
        if (ended := _git(*words)).returncode:
            raise NotCommitted(reason(ended.stderr + ended.stdout) or f"git {words[0]} ended with {ended.returncode}")


def known(files: Sequence[Path]) -> list[Path]:
    """Those of the files that are there, or that git has: what can be added or committed as removed."""
    return [path for path in files if path.exists() or _git("ls-files", "--", path.as_posix()).stdout]


def is_committed(files: Sequence[Path]) -> bool:
    """Whether git has all of these files as they stand; not where it can't be asked."""
    ended = _git("status", "--porcelain", "--untracked-files=all", "--", *(path.as_posix() for path in files))
    return ended.returncode == 0 and not ended.stdout.strip()


def reason(said: str) -> str:
    """Why git refused, in a line: what it calls fatal and the commands that it names, else its last three lines."""
    lines = [line.strip() for line in said.split("\n") if line.strip() and not line.startswith("hint:")]
    faults = [line for line in lines if line.startswith(("fatal:", "error:"))]
    advice = [line for line in lines if line.startswith("git config")]
    return "; ".join(faults + advice if faults else lines[-3:])


def line(files: Sequence[Path], message: str) -> str:
    """The command line that commits them."""
    names = " ".join(path.as_posix() for path in known(files))
    return f"git add {names} && git commit -m '{message}' -- {names}"


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["git", *words], text=True, capture_output=True, errors="replace")
    except FileNotFoundError as error:
        raise NotCommitted("git is not installed here") from error
