"""Read access to DVC's content-addressed objects and to what dvc.lock recorded, while a `dvc repro` may be running.

The running dvc holds its repository's lock, so nothing here takes one: the local cache's files are read in place, the
default remote is read through DVC's file systems into a folder of our own, and DVC's cache is never written.
"""
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml


def recorded(*outputs: str, project: Path = Path()) -> list[tuple[str, ...]]:
    """MD5s (a folder's: `....dir`) that one dvc.lock names for the outputs: the working tree's, then the last commit's.

    Each once; a dvc.lock that lacks one of the outputs gives none.
    """
    lock = project / "dvc.lock"
    texts = [lock.read_bytes()] if lock.is_file() else []
    if shutil.which("git"):
        shown = subprocess.run(["git", "show", "HEAD:./dvc.lock"], cwd=project, capture_output=True, check=False)
        texts.append(shown.stdout)
    found = [_md5s(text) for text in texts]
    return list(dict.fromkeys(tuple(md5s[name] for name in outputs) for md5s in found if md5s.keys() >= set(outputs)))


def _md5s(lock: bytes) -> dict[str, str]:
    """Output to its MD5 in the text of a dvc.lock; none where it does not read."""
    try:
        stages = (yaml.safe_load(lock) or {})["stages"].values()
        return {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return {}


class Objects:
    """The objects of the project's DVC cache and of its default remote (asked only if told to)."""

    def __init__(self, scratch: Path, wanted: str, project: Path = Path()) -> None:
        """Read DVC's configuration; `scratch` takes what is fetched, `wanted` says on stderr who looks for what."""
        from dvc.config import Config  # half a second: only where there is something to look for

        top = next((p for p in [project.resolve(), *project.resolve().parents] if (p / ".dvc").is_dir()), None)
        self._config: dict[str, Any] = Config(str(top / ".dvc")) if top else {}
        place = self._config.get("cache", {}).get("dir") or (top or project) / ".dvc" / "cache"
        self._cache = Path(place)
        self._scratch, self._wanted = scratch, wanted
        self._remote: tuple[Any, str] | None = None
        self._remote_name = self._config.get("core", {}).get("remote")
        self._given_up = not self._remote_name

    def find(self, md5: str, *, fetch: bool) -> Path | None:
        """Path of an object whose content may still be damaged: from the cache, else fetched; None where it is not."""
        relative = Path("files", "md5", md5[:2], md5[2:])
        for place in (self._cache / relative, self._scratch / md5):
            if place.is_file():
                return place
        return self._fetch(relative, self._scratch / md5) if fetch and not self._given_up else None

    def _fetch(self, relative: Path, target: Path) -> Path | None:
        """Fetch one object; a remote that fails is said once and not asked again."""
        temporary = target.with_name(f"{target.name}.{os.getpid()}.part")
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            files, top = self._open_remote()
            files.get_file(files.join(top, *relative.parts), str(temporary))
            temporary.replace(target)
        except FileNotFoundError:
            return None
        except Exception as error:  # each kind of remote raises its own; all mean: go on without it
            self._given_up = True
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            print(f"{self._wanted} not taken from the DVC remote {self._remote_name!r} ({reason}): the images that "
                  "only it holds are decoded", file=sys.stderr)
            return None
        finally:
            temporary.unlink(missing_ok=True)
        return target

    def _open_remote(self) -> tuple[Any, str]:
        """The default remote's file system and top folder."""
        if self._remote is None:
            from dvc.fs import get_cloud_fs

            print(f"{self._wanted} looked for in the DVC remote {self._remote_name!r}", file=sys.stderr)
            kind, settings, top = get_cloud_fs(self._config, name=self._remote_name)
            self._remote = (kind(**settings), top)
        return self._remote


def md5_of(content: bytes) -> str:
    """Hexadecimal MD5, DVC's name for content; not for security."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
