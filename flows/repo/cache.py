"""Checks objects in this machine's DVC cache against their names: DVC itself trusts whatever lies there read-only."""

import contextlib
import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from cxr.runtime.dvc_lock import object_path

_SETTLE_SECONDS = 2.0  # a file that is written, but not renamed yet, is open to nobody for an instant


def remove_damaged(cache: Path, md5s: Iterable[str]) -> list[str]:
    """Hash every object named, and those that a `.dir` object lists, where they are here; delete and name bad ones."""
    damaged = [md5 for md5 in sorted(set(_with_members(cache, md5s))) if not _is_sound(object_path(cache, md5), md5)]
    for md5 in damaged:
        object_path(cache, md5).unlink()
    return damaged


def missing(cache: Path, md5s: Iterable[str]) -> list[str]:
    """Objects named, or listed in a `.dir` object, that the cache does not hold."""
    return [md5 for md5 in sorted(set(_with_members(cache, md5s))) if not object_path(cache, md5).exists()]


def remove_unfinished(cache: Path) -> list[Path]:
    """Delete and name what DVC began to write (`.name.tmp`) and nobody writes any more: a full disk leaves it there."""
    found = list((cache / "files" / "md5").glob("*/.*.tmp"))
    if not found:
        return []
    time.sleep(_SETTLE_SECONDS)
    left = sorted({path.resolve() for path in found if path.exists()} - _open_files())
    for path in left:
        path.unlink(missing_ok=True)
    return left


def _open_files() -> set[Path]:
    """Files that a process of this machine (of this user, where it is not root) has open."""
    found = set()
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            found.add(descriptor.readlink())
    return found


def _with_members(cache: Path, md5s: Iterable[str]) -> Iterator[str]:
    for md5 in md5s:
        yield md5
        listing = object_path(cache, md5)
        if md5.endswith(".dir") and listing.exists() and _is_sound(listing, md5):
            yield from (member["md5"] for member in json.loads(listing.read_bytes()))


def _is_sound(path: Path, md5: str) -> bool:
    """True also where the object is not here."""
    if not path.exists():
        return True
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == md5.removesuffix(
            ".dir"
        )
