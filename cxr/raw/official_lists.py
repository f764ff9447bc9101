"""Official lists: which images a set's makers put into train and which into test, a name a line.

A list's entries are matched by file name, whatever folders stand before it; what names nothing is handed on, so that
no test image is trained on because its name was written otherwise.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cxr.raw.batch import Batch
from cxr.raw.image_names import BatchImages, file_name
from cxr.raw.layouts.base import Claims, Fault, ImageKey, Record
from cxr.raw.names import is_image
from cxr.raw.tables import TableFile

_LISTS = (
    ("train", re.compile(r"train_val_list[^/]*\.(?:txt|csv)(?:\.gz)?", re.IGNORECASE)),
    ("test", re.compile(r"test_list[^/]*\.(?:txt|csv)(?:\.gz)?", re.IGNORECASE)),
)  # test comes last: an image in both lists is a test image
_HEADERS = frozenset(("image index", "image", "image_id", "image id", "file", "filename", "file name", "name", "path"))
Entry = tuple[str, str]  # place ("test_list.txt line 3"), name as written


def lists_among(names: Sequence[str]) -> list[str]:
    """The official lists at the top of a batch."""
    return [name for name in names if any(pattern.fullmatch(name) for _, pattern in _LISTS)]


class OfficialLists:
    """What the official lists of a set's batches say; they hold for images that come in later batches too."""

    def __init__(self) -> None:
        """Nothing is read yet; a batch's lists are read once."""
        self._entries: dict[str, list[tuple[str, str, str]]] = {}

    def entries(self, batch: Batch) -> list[tuple[str, str, str]]:
        """(split, place, name) of each entry of a batch's lists, those of train first. UserError: a list is no text."""
        if batch.name not in self._entries:
            self._entries[batch.name] = [
                (split, f"{name} line {line}", entry)
                for split, pattern in _LISTS
                for name in batch.names()
                if pattern.fullmatch(name)
                for line, entry in _names(TableFile.in_batch(batch, name))
            ]
        return self._entries[batch.name]

    def splits(self, batch: Batch, earlier: Sequence[Batch]) -> dict[ImageKey | str, str]:
        """Image to "train" or "test". Images that a list names but its batch does not have stand by `folded` names."""
        splits: dict[ImageKey | str, str] = {}
        known = [*earlier, batch]
        for index, each in enumerate(known):
            images = BatchImages((b.name, b.images) for b in reversed(known[: index + 1]))
            for split, _, name in self.entries(each):
                key = images.by_file_name(name) or folded(name)
                splits[key] = "test" if "test" in (split, splits.get(key)) else split
        return splits


@dataclass(frozen=True)
class ListEntries:
    """Entries of official lists: how many, and (split, where) of those that name no image and no row."""

    number: int
    unmatched: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, claims: Sequence[Claims], names: Iterable[str] = ()) -> "ListEntries":
        """The entries of all batches' lists, held against the names of all rows and of their files, and `names`."""
        rows: list[Record | Fault] = []
        for claim in claims:
            rows += [*claim.records]
            rows += [*claim.faults]
        known = {folded(name) for row in rows for name in (row.name, row.image[1] if row.image else "")}
        known |= {folded(name) for name in names}
        entries = [entry for claim in claims for entry in claim.listed.items()]
        return cls(len(entries), tuple(entry for name, entry in entries if name not in known))

    def missed_for_test(self) -> list[str]:
        """Where the entries for test stand that name nothing: what they mean may stand in train."""
        return [place for split, place in self.unmatched if split == "test"]


@lru_cache(1024)
def folded(name: str) -> str:
    """A file's name without folders, upper and lower case: under which an entry without image stands."""
    return file_name(name).casefold()


def _names(table: TableFile) -> Iterator[tuple[int, str]]:
    """(line, name) of each entry: of several cells the one that is an image's name. A header is left out."""
    for index, (line, text) in enumerate(table.lines()):
        cells = [cell.strip(' "') for cell in text.split(",")]
        if index == 0 and any(cell.lower() in _HEADERS for cell in cells) and not any(map(is_image, cells)):
            continue
        images = [cell for cell in cells if is_image(cell)]
        yield line, images[0] if len(images) == 1 else text.strip(' "')
