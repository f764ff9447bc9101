"""Read access to DVC's content-addressed objects and to what dvc.lock recorded, while a `dvc repro` may be running.

The running dvc holds its repository's lock, so nothing here takes one: the local cache's files are read in place, the
default remote is read through DVC's file systems into a folder of our own, and DVC's cache is never written.
"""

import hashlib
import logging
import os
from pathlib import Path
from typing import Any

import yaml

from cxr.runtime import dvc_cache, dvc_lock

logger = logging.getLogger(__name__)


def recorded(*outputs: str, project: Path = Path()) -> list[tuple[str, ...]]:
    """MD5s of the outputs, in their order, as the working tree's dvc.lock records them, then as the last commit's does.

    A folder's MD5 ends in `.dir`. Equal records come once; a dvc.lock that lacks one of the outputs gives none.
    """
    lock = project / dvc_lock.NAME
    texts = [
        lock.read_text(errors="replace") if lock.is_file() else None,
        dvc_lock.committed_text(project, f"./{dvc_lock.NAME}"),
    ]
    found = [_md5s(text) for text in texts if text is not None]
    return list(dict.fromkeys(tuple(md5s[name] for name in outputs) for md5s in found if md5s.keys() >= set(outputs)))


def _md5s(text: str) -> dict[str, str]:
    """Output to its MD5 in the text of a dvc.lock; none where that is damaged, as this only saves work."""
    try:
        return dvc_lock.outputs(text)
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return {}


class Objects:
    """The objects of the project's DVC cache and of its default remote (asked only if told to)."""

    def __init__(self, scratch: Path, wanted: str, project: Path = Path()) -> None:
        """Read DVC's configuration; what is fetched goes to `scratch`, `wanted` begins the messages on stderr."""
        self._config, self._cache = dvc_cache.configuration(project)
        self._scratch, self._wanted = scratch, wanted
        self._remote: tuple[Any, str] | None = None
        self._remote_name = self._config.get("core", {}).get("remote")
        self._given_up = not self._remote_name

    def find(self, md5: str, *, fetch: bool) -> Path | None:
        """Path of an object whose content may still be damaged: from the cache, else fetched; None where it is not."""
        for path in (dvc_lock.object_path(self._cache, md5), self._scratch / md5):
            if path.is_file():
                return path
        return self._fetch(md5) if fetch and not self._given_up else None

    def _fetch(self, md5: str) -> Path | None:
        """Fetch one object into the scratch folder; a remote that fails is reported once and not asked again."""
        target = self._scratch / md5
        temporary = target.with_name(f"{target.name}.{os.getpid()}.part")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            files, top = self._open_remote()
            files.get_file(files.join(top, *dvc_lock.object_path(Path(), md5).parts), str(temporary))
            temporary.replace(target)
        except FileNotFoundError:
            return None
        except Exception as error:  # each kind of remote raises its own; all mean: go on without it
            self._given_up = True
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            logger.warning(
                "%s not taken from the DVC remote %r (%s): the images that only it holds are decoded",
                self._wanted,
                self._remote_name,
                reason,
            )
            return None
        finally:
            temporary.unlink(missing_ok=True)
        return target

    def _open_remote(self) -> tuple[Any, str]:
        """The default remote's file system and top folder."""
        if self._remote is None:
            from dvc.fs import get_cloud_fs

            logger.info("%s looked for in the DVC remote %r", self._wanted, self._remote_name)
            kind, settings, top = get_cloud_fs(self._config, name=self._remote_name)
            self._remote = (kind(**settings), top)
        return self._remote


def md5_of(content: bytes) -> str:
    """Hexadecimal MD5, DVC's name for content; not for security."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
