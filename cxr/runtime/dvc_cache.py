"""Where DVC's cache lies by its configuration, and whether a link in the working tree leads to one of its objects.

Only reading, without DVC's locks: a `dvc repro` may be running.
"""

import functools
import re
import stat
from pathlib import Path
from typing import Any

_OBJECT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}")


def configuration(project: Path) -> tuple[dict[str, Any], Path]:
    """(DVC's configuration, empty without a project; the folder of its cache) of the project that a folder lies in."""
    top = next((p for p in [project.resolve(), *project.resolve().parents] if (p / ".dvc").is_dir()), None)
    if top is None:
        return {}, project / ".dvc" / "cache"
    from dvc.config import Config  # half a second: only where there is something to look for

    config: dict[str, Any] = Config(str(top / ".dvc"))
    return config, Path(config.get("cache", {}).get("dir") or top / ".dvc" / "cache")


def object_behind(link: Path) -> Path | None:
    """The object of DVC's cache to which a link leads (`cache.type symlink` makes such); None where it leads elsewhere,
    or nowhere."""
    try:
        target = link.resolve(strict=True)
        inside = target.relative_to(_objects(link.parent.absolute()))
    except (OSError, RuntimeError, ValueError, ImportError):  # gone, a loop, elsewhere, no DVC here
        return None
    return target if _OBJECT.fullmatch(inside.as_posix()) and stat.S_ISREG(target.lstat().st_mode) else None


@functools.lru_cache(maxsize=4096)
def _objects(folder: Path) -> Path:
    """Where the cache keeps its objects, by the configuration that holds in a folder."""
    has_project = (folder / ".dvc").is_dir() or folder.parent == folder
    return configuration(folder)[1].resolve() / "files" / "md5" if has_project else _objects(folder.parent)
