"""Secrets: what a stage's process is not given, and what no log, message or artifact may show."""

import os
import re
from collections.abc import Iterator, Mapping

_KEPT_BACK = ("PYTHONPATH", "CXR_AUTH", "CXR_GIT", "CXR_REMOTE")  # PYTHONPATH: a stage's code is that of its commit
_ADDRESS = re.compile(r"(\w[\w+.-]*://)[^/\s\"']+@")
_WORD_IN_ADDRESS = re.compile(r"://[^/\s:]*:([^/\s\"']+)@")
_SECRET = re.compile(r"(AUTH|AUTH_STRING|SECRET|PASSWORD|TOKEN|API_KEY|SECRET_ACCESS_KEY|SALT)$")
_LEAST = 4  # characters of a secret that is looked for in text


def for_stages(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without all that is the server's: its passwords, its database, the addresses of the remotes."""
    return {
        name: value for name, value in environment.items() if not name.startswith("PREFECT") and name not in _KEPT_BACK
    }


def without_credentials(text: str) -> str:
    """The text without `user:password@` in addresses and without the secrets that this process's environment holds."""
    shown = _ADDRESS.sub(r"\1***@", text)
    for secret in sorted(set(_secrets_in(os.environ)), key=len, reverse=True):
        shown = shown.replace(secret, "***")
    return shown


def _secrets_in(environment: Mapping[str, str]) -> Iterator[str]:
    """Values of variables that are named like secrets (of `user:word` the word), passwords in any address."""
    for name, value in environment.items():
        found = [value, value.partition(":")[2]] if _SECRET.search(name) else []
        yield from (word for word in (*found, *_WORD_IN_ADDRESS.findall(value)) if len(word) >= _LEAST)
