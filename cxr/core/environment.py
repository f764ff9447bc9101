"""The variables that a user or a parent process may set: all that the library, the stages and serving read of CXR_*.

Each is read when it is asked for, so that a test or a launcher may set it late. None changes a byte of an output but
CXR_INSTRUCTION_SET and CXR_PATIENT_SALT, and an output says which of these it was made under. The table for people is
in docs/reference/files.md. (CXR_STARTED_BY stands between `make repro` and `cxr.runtime.process_tree`, a script.)
"""

import os
from pathlib import Path

from cxr.core.errors import UserError


def instruction_set() -> str | None:
    """CXR_INSTRUCTION_SET, which goes before `machine.instruction_set` of params.yaml; None where it is not set."""
    return os.environ.get("CXR_INSTRUCTION_SET") or None


def workers() -> int:
    """CXR_WORKERS: processes to use side by side, else every core this process may run on. UserError: no number."""
    text = os.environ.get("CXR_WORKERS") or str(len(os.sched_getaffinity(0)))
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"CXR_WORKERS: {text!r} is no number of processes; set a whole number from 1, or nothing")
    return int(text)


def cache() -> Path:
    """CXR_CACHE: the folder of caches and checkpoints, `.cache` of the working folder where it is not set."""
    return Path(os.environ.get("CXR_CACHE", ".cache"))


def production() -> Path:
    """CXR_PRODUCTION: the folder of what is in production, `production` where it is not set."""
    return Path(os.environ.get("CXR_PRODUCTION", "production"))


def patient_salt() -> str | None:
    """CXR_PATIENT_SALT: the secret that patients' ids are hashed with; None where it is not set."""
    return os.environ.get("CXR_PATIENT_SALT") or None


def serve_token() -> str:
    """CXR_SERVE_TOKEN: what the HTTP endpoint asks of every client; empty where it is not set."""
    return os.environ.get("CXR_SERVE_TOKEN", "")


def logged() -> bool:
    """CXR_LOGGED: what this process says goes into a log that others read; set by flows for the commands they call."""
    return bool(os.environ.get("CXR_LOGGED"))


def called_from() -> Path:
    """CXR_CALLED_FROM: the folder that paths of the command line start at, set by `cxr` where that is not the project's
    own folder, in which all work is done."""
    return Path(os.environ.get("CXR_CALLED_FROM", ""))
