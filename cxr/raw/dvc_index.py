"""Where DVC keeps its index of a checkout: the paths and hashes of all files that it tracks, those of raw sets too.

DVC's own place is a folder that all users of a machine share (/var/tmp/dvc), in files that all of them can read. For a
set that nothing calls public it is to be a folder of the checkout, which `.dvc/config.local` says (git does not track
that file).
"""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

_KEY = "core.site_cache_dir"
HERE = Path(".dvc/tmp/site")
ADVICE = (
    "DVC keeps the names of this set's files in a folder that all users of this machine can read (/var/tmp/dvc/repo): "
    f'dvc config --local {_KEY} "$PWD/{HERE}", and remove what lies there'
)


def is_shared(top: Path = Path()) -> bool:
    """Whether the index of the checkout `top` is in the place that all users share; False where there is no DVC."""
    if os.environ.get("DVC_SITE_CACHE_DIR") or not (top / ".dvc").is_dir():
        return False
    config = configparser.ConfigParser(interpolation=None, strict=False)
    config.read([top / ".dvc/config", top / ".dvc/config.local"])
    return not config.get("core", "site_cache_dir", fallback="").strip()


def keep_here(top: Path = Path()) -> None:
    """Have DVC keep the index in the checkout, in a folder of its owner's alone, where it would be shared; what the
    checkout has in the shared place goes. Where DVC can't be told so now, ingest says how to."""
    if not is_shared(top):
        return
    shared = _python(top, "-c", "from dvc.repo import Repo; print(Repo().site_cache_dir)").strip()
    place = top.resolve() / HERE
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o700)
    _python(top, "-m", "dvc", "config", "--local", _KEY, str(place))
    if shared and not is_shared(top):
        shutil.rmtree(shared, ignore_errors=True)  # DVC's name for it holds a hash of this checkout: nobody else's


def _python(top: Path, *arguments: str) -> str:
    """What Python prints, run in the checkout."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=top,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"DVC_NO_ANALYTICS": "1"},
    )
    return done.stdout
