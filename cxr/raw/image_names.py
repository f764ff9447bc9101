"""Finds the files that a table's cells mean, where a name is written a little otherwise than on disk.

Names are compared in Unicode's composed form (NFC): programs and disks write a letter in two ways. Where no file
has exactly that name, one is taken that differs in upper and lower case alone, or that has the same end of its path
behind another beginning or between other separators; but only if it is the only one. What was matched in such a way is
counted, and nothing is matched by likeness.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from cxr.raw.names import fault_of


@dataclass(frozen=True, slots=True)
class Match:
    """What a name means: the path of a file ("" for none), how it was matched where not as it stands ("unicode",
    "case", "path"), and why no file was taken although some bear the name."""

    path: str = ""
    how: str = ""
    fault: str = ""


_NONE = Match()


@lru_cache(1024)  # of one row, the same name is asked for several times
def plain(name: str) -> str:
    """A name composed (NFC), with / between folders and without ./ in front."""
    name = name if name.isascii() else unicodedata.normalize("NFC", name)
    return name.replace("\\", "/").removeprefix("./")


@lru_cache(1024)
def file_name(name: str) -> str:
    """The file's name in a cell that may hold a path, composed."""
    return plain(name).rpartition("/")[2]


def unsafe(name: str) -> str | None:
    """Why a cell can't be the name of a file in a batch, whatever the separators; None where it can."""
    return fault_of(plain(name))


class NameIndex:
    """Relative POSIX paths of files by the names that a table may give them."""

    def __init__(self, paths: Iterable[str]) -> None:
        """`paths`: sorted, so that of two files with one name the first is taken."""
        self._exact: dict[str, list[str]] = {}
        for path in paths:
            self._exact.setdefault(file_name(path), []).append(path)

    @cached_property
    def _folded(self) -> dict[str, list[str]]:
        """File names without upper and lower case to paths."""
        folded: dict[str, list[str]] = {}
        for name, paths in self._exact.items():
            folded.setdefault(name.casefold(), []).extend(paths)
        return folded

    def find(self, name: str) -> Match:
        """The file that a cell means. A name with folders means a file of which the whole path ends alike."""
        asked = plain(name)
        if "/" in asked:
            return self._by_path(asked, name)
        if paths := self._exact.get(asked):
            return Match(paths[0], "" if paths[0].rpartition("/")[2] == name.removeprefix("./") else "unicode")
        return _only(self._folded.get(asked.casefold(), []), "case", "differ from it in upper and lower case only")

    def by_file_name(self, name: str) -> Match:
        """As `find`; where the folders do not fit, the one file of that name, wherever it stands."""
        found, asked = self.find(name), plain(name)
        if found.path or "/" not in asked or ".." in asked.split("/"):
            return found
        return self.find(file_name(name))

    def several(self) -> Iterator[list[str]]:
        """For each file name that stands in several folders its paths."""
        return (paths for paths in self._exact.values() if len(paths) > 1)

    def _by_path(self, asked: str, name: str) -> Match:
        """The file whose path is the end of the path asked for, or ends in it."""
        if ".." in asked.split("/"):
            return Match()
        alike = self._exact.get(file_name(asked)) or self._folded.get(file_name(asked).casefold(), [])
        exact = [path for path in alike if plain(path) == asked]
        fitting = exact or [path for path in alike if _one_ends_the_other(plain(path).casefold(), asked.casefold())]
        if fitting:
            return _only(fitting, "" if fitting[0] == name else "path", "end like it")
        return Match(fault=f"no path ends like {name!r}, though {alike[0]!r} has that file name") if alike else Match()


class BatchImages:
    """Files of a set by name: those of the table's own batch first, then those of the latest earlier one."""

    def __init__(self, indices: Iterable[tuple[str, NameIndex]]) -> None:
        """`indices`: (batch, its names), the table's own batch first."""
        self._indices = list(indices)

    def find(self, name: str) -> tuple[tuple[str, str] | None, Match]:
        """((batch, path) of the file or None, how it was matched or why none was taken although some bear the name)."""
        fault = ""
        for batch, index in self._indices:
            match = index.find(name)
            if match.path:
                return (batch, match.path), match
            fault = fault or match.fault
        return None, Match(fault=fault)

    def by_file_name(self, name: str) -> tuple[str, str] | None:
        """(batch, path) of the file of that name, whatever the folders before it; for lists, which name only images."""
        found = ((batch, index.by_file_name(name).path) for batch, index in self._indices)
        return next(((batch, path) for batch, path in found if path), None)


def _only(paths: list[str], how: str, why: str) -> Match:
    """The one file, or why none of several is taken."""
    if len(paths) > 1:
        return Match(fault=f"{len(paths)} files {why}: {paths[0]!r}, {paths[1]!r}")
    return Match(paths[0], how) if paths else _NONE


def _one_ends_the_other(path: str, asked: str) -> bool:
    """Whether the shorter of two paths is the whole end of the longer."""
    short, long = sorted((path, asked), key=len)
    return long == short or long.endswith("/" + short)
