"""Checks objects in this machine's DVC cache against their names: DVC itself trusts whatever lies there read-only."""
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path


def path_of(cache: Path, md5: str) -> Path:
    """Where the cache keeps an object; `md5` may end in `.dir`."""
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def remove_damaged(cache: Path, md5s: Iterable[str]) -> list[str]:
    """Hash every object named, and those that a `.dir` object lists, where they are here; delete and name bad ones."""
    damaged = [md5 for md5 in sorted(set(_with_members(cache, md5s))) if not _is_sound(path_of(cache, md5), md5)]
    for md5 in damaged:
        path_of(cache, md5).unlink()
    return damaged


def missing(cache: Path, md5s: Iterable[str]) -> list[str]:
    """Objects named, or listed in a `.dir` object, that the cache does not hold."""
    return [md5 for md5 in sorted(set(_with_members(cache, md5s))) if not path_of(cache, md5).exists()]


def _with_members(cache: Path, md5s: Iterable[str]) -> Iterator[str]:
    for md5 in md5s:
        yield md5
        listing = path_of(cache, md5)
        if md5.endswith(".dir") and listing.exists() and _is_sound(listing, md5):
            yield from (member["md5"] for member in json.loads(listing.read_bytes()))


def _is_sound(path: Path, md5: str) -> bool:
    """True also where the object is not here."""
    if not path.exists():
        return True
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)
                                   ).hexdigest() == md5.removesuffix(".dir")
