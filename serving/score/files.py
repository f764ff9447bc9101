"""The image files below a folder, in whatever layout: listed, never opened; what may not be read is told apart."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cxr.raw.batch import Location, members
from cxr.raw.names import BatchError, fault_of, is_image
from cxr.runtime.litter import is_litter
from serving.log.records import RefusedFile


@dataclass(frozen=True)
class ImageFile:
    """A file to score: `source`, its path below the folder; where its bytes lie; `mark`, changed when the file is."""

    source: str
    location: Location
    mark: str

    @property
    def suffix(self) -> str:
        """The name's suffix in lower case, with its dot."""
        return os.path.splitext(self.source)[1].lower()  # noqa: PTH122 (ten times as fast)


@dataclass
class FoundFiles:
    """Files to score, files refused by their kind, name or size, and how many others (no images) were passed over."""

    images: list[ImageFile] = field(default_factory=list)
    refused: list[RefusedFile] = field(default_factory=list)
    others: int = 0


def find(folder: Path, max_bytes: int) -> FoundFiles:
    """Every image below a folder and in its uncompressed tar archives, sorted; links are never followed.

    Refused: links and special files with an image's name or standing for a folder, names that leave the folder or
    can't be written, files of more than `max_bytes`, archives that are not in order.
    """
    found = FoundFiles()
    for name, status in sorted(_walk(folder, "", found), key=lambda entry: entry[0]):
        _take(found, folder, name, status, max_bytes)
    return found


def _walk(folder: Path, prefix: str, found: FoundFiles) -> Iterator[tuple[str, os.stat_result]]:
    """(relative path, status) of everything below a folder but plain folders; closed ones are refused."""
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        if is_litter(prefix.rstrip("/")):  # as `lost+found`, which only root may enter
            found.others += 1
            return
        found.refused.append(
            RefusedFile(_written(prefix), "", "unreadable", error.strerror or "the folder can't be read")
        )
        return
    for entry in entries:
        try:
            name, status = prefix + entry.name, entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # gone since it was listed
            continue
        if stat.S_ISDIR(status.st_mode):
            yield from _walk(folder / entry.name, name + "/", found)
        else:
            yield name, status


def _take(found: FoundFiles, folder: Path, name: str, status: os.stat_result, max_bytes: int) -> None:
    """Sort one entry into images, refused or others."""
    if is_litter(name):
        found.others += 1
    elif stat.S_ISLNK(status.st_mode):
        found.refused.append(RefusedFile(_written(name), "", "link", "a symbolic link; links are not followed"))
    elif name.endswith(".tar") and stat.S_ISREG(status.st_mode):
        _take_archive(found, folder, name, status, max_bytes)
    elif not is_image(name):
        found.others += 1
    elif not stat.S_ISREG(status.st_mode):
        found.refused.append(RefusedFile(_written(name), "", "special_file", "a device, pipe or socket"))
    else:
        _take_file(found, name, Location(folder / name, 0, status.st_size), _mark(status), max_bytes)


def _take_archive(found: FoundFiles, folder: Path, name: str, status: os.stat_result, max_bytes: int) -> None:
    try:
        inside = members(folder / name)
    except (BatchError, OSError) as error:
        found.refused.append(RefusedFile(_written(name), "", "archive", str(error).replace(f"{folder}/", "")))
        return
    seen = set[str]()
    for inner, location in inside:
        if inner in seen:
            found.refused.append(
                RefusedFile(
                    _written(f"{name}/{inner}"), "", "doubled_name", "the archive holds another file of this name"
                )
            )
        elif is_image(inner) and not is_litter(inner):
            _take_file(found, f"{name}/{inner}", location, f"{_mark(status)} {location.offset}", max_bytes)
        else:
            found.others += 1
        seen.add(inner)


def _take_file(found: FoundFiles, name: str, location: Location, mark: str, max_bytes: int) -> None:
    if fault := fault_of(name):
        found.refused.append(RefusedFile(_written(name), "", "unsafe_name", fault))
    elif location.size > max_bytes:
        found.refused.append(RefusedFile(name, "", "too_large", f"{location.size} bytes, more than {max_bytes}"))
    else:
        found.images.append(ImageFile(name, location, mark))


def _mark(status: os.stat_result) -> str:
    """What changes when a file is written to or replaced (ctime can't be set back by hand)."""
    return f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def _written(name: str) -> str:
    """A name that can stand in UTF-8 text, whatever bytes and controls it holds."""
    plain = name.encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in plain)
