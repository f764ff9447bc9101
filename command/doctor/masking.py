"""Takes out of a line what is nobody's business: passwords and users in addresses, the home folder, the user's name."""

import getpass
import os
import pwd
import re
from pathlib import Path

from flows.support.secrets import without_credentials

_ANOTHERS = re.compile(r"(?<![\w@])[\w.+-]+@(?=[\w.-]+:)")  # user@host:path, as git and ssh have it


def mask(said: str) -> str:
    """The text as it may be pasted into a public report."""
    shown = _ANOTHERS.sub("***@", without_credentials(said))
    for home in homes():
        shown = re.sub(rf"{re.escape(home)}(?=/|\W|$)", "~", shown)
    for user in users():
        shown = re.sub(rf"(?<!\w){re.escape(user)}(?!\w)", "***", shown)
    return shown


def homes() -> list[str]:
    """This user's home folders as they may be spelt, the longest first; the root of the file system is none."""
    account = _account()
    found = {str(Path.home()), str(Path.home().resolve()), account.pw_dir if account else ""}
    return sorted((home.rstrip("/") for home in found if home.rstrip("/")), key=len, reverse=True)


def users() -> set[str]:
    """Names that this user goes by, as the account and the environment have them."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container without an account
        name = ""
    account = _account()
    return {name, account.pw_name if account else ""} - {""}


def _account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(os.getuid())
    except KeyError:
        return None
