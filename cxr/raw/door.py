"""What a folder would bring in, found out before anything of it is copied: what ingest would stop at is refused here.

The tables are read by the layout, as ingest reads them; of each image the first 4 KiB are looked at, in a few threads.
Pixels are not decoded: what only they tell (a file cut off, holes in a JPEG) is found by ingest.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from cxr.core.environment import workers
from cxr.core.errors import UserError
from cxr.imaging.decode import inspect
from cxr.imaging.formats.undecodable import Undecodable
from cxr.params.schema import Ingest
from cxr.raw.batch import Batch
from cxr.raw.beside import left_out, refuse_packed, what_is_here
from cxr.raw.labels import Coding
from cxr.raw.layouts.base import Claims, Fault, Layout, Record
from cxr.raw.layouts.registry import layout_for, layout_of
from cxr.raw.names import OWN, BatchError, in_short, is_image, unreadable
from cxr.raw.official_lists import ListEntries
from cxr.raw.packing import Listing, listing
from cxr.raw.repeated_rows import settle
from cxr.raw.rows import encode_labels, files_without_row
from cxr.runtime import progress

_HEAD = 4096  # bytes of an image that are read: kind and, in most files, sides
_MANY = 2000  # files from which on the look is shown to go on


@dataclass(frozen=True)
class Look:
    """A folder that may become a batch. `names`: files that come in; `left_out`: documents and what the parameters
    leave out; `rows`: rows as ingest will count them; `quarantined`: those of them that it would refuse, as far as
    tables, names and first bytes tell; `absent`: rows without image; `alike`: names that only case or Unicode's
    form tells apart; `patients`: why ingest would not know who is a patient, "" where it would; `missed_for_test`:
    where official lists have entries for test that name nothing, `in_no_list`: images that no official list names;
    `unclear`: column to how many cells are not understood."""

    source: Path
    layout: type[Layout]
    listing: Listing
    names: list[str]
    left_out: list[str]
    rows: int
    quarantined: list[Fault]
    absent: int
    alike: list[str]
    missed_for_test: list[str]
    in_no_list: int
    unclear: dict[str, int]
    patients: str

    def remarks(self, named: bool = True) -> list[str]:
        """What is to be said of it to whoever adds it, a line each; counts alone where nothing may be `named`."""
        counted = _counted if named else len
        refused = f"{len(self.quarantined)} of {self.rows} rows: {in_words(self.quarantined, named)}"
        unclear = ", ".join(f"{column} {number}" for column, number in self.unclear.items())
        lines = {
            f"left out, of systems and programs: {counted(self.listing.litter)}": self.listing.litter,
            f"left out, no input: {counted(self.left_out)}": self.left_out,
            f"ingest will quarantine {refused}": self.quarantined,
            f"rows without image: {self.absent} of {self.rows}": self.absent,
            f"names that other systems take for one: {counted(self.alike)}": self.alike,
            f"entries for test that name no image and no row: {counted(self.missed_for_test)}": self.missed_for_test,
            f"cells that are not understood: {unclear}": self.unclear,
            f"ingest will stop{f': {self.patients}' if named else ' at ingest.patient_pattern'}": self.patients,
        }
        return [line for line, is_so in lines.items() if is_so]


def look_at(source: Path, name: str, section: Ingest | None, earlier: Sequence[Batch] = ()) -> Look:
    """Look at a folder that is to become a batch of set `name`; `section` where params.yaml is about this set.

    BatchError or UserError: it is of no layout or of another one, holds links, packed images or unsafe names, or its
    tables can't be understood.
    """
    listed = listing(source)
    names = [each for each in listed.files if each not in OWN]
    refuse_packed(names, str(source))
    found = _layout(names, source, section)
    layout = layout_for(section) if section else found(_section_of_its_own(name, found))
    batch = Batch(source, "the new batch", names)
    claims = layout.read(batch, earlier)
    beside = set(left_out(claims, batch.names()))
    strays = files_without_row([batch], [claims])
    coding = Coding.of(section, claims.known_findings) if section else None
    faults, absent = _sorted_out(batch, claims, layout.section, coding)
    lists = ListEntries.of([claims], (each for before in earlier for each in before.names()))
    return Look(
        source,
        found,
        listed,
        [each for each in names if each not in beside],
        sorted((beside & set(names)) | (listed.files.keys() & set(OWN))),
        claims.rows + len(strays),
        faults + strays,
        absent,
        _alike(batch.names()),
        lists.missed_for_test(),
        sum(record.image is not None and not record.official for record in claims.records),
        claims.counts.by_column(),
        _patients(layout, [*earlier, batch]) if section else "",
    )


def refuse(look: Look, section: Ingest | None, earlier: Sequence[Batch] = ()) -> None:
    """BatchError where ingest would stop for this batch: nothing of it would come in, or too much is quarantined."""
    refused, present = len(look.quarantined), look.rows - look.absent
    if refused >= present:
        raise BatchError(
            f"{look.source}: no image would come in: {refused} of {present} rows would be quarantined"
            f"{f' ({in_words(look.quarantined)})' if refused else ''}, {look.absent} are without image"
        )
    if section and section.split.rule == "official" and look.missed_for_test and look.in_no_list:
        raise BatchError(
            f"{look.source}: ingest would stop: {len(look.missed_for_test)} entries for test name no image and no row "
            f"(the first: {look.missed_for_test[0]}), and {look.in_no_list} images stand in no list; write the lists "
            "with the names of the files"
        )
    before = sum(is_image(name) for batch in earlier for name in batch.names())
    if section and refused > section.max_quarantined_fraction * (present + before):
        raise BatchError(
            f"{look.source}: ingest would stop: {refused} of {present} rows would be quarantined, more than "
            f"ingest.max_quarantined_fraction ({section.max_quarantined_fraction}) allows: "
            f"{in_words(look.quarantined)}; mend them, or raise that parameter if they may be missing"
        )


def in_words(faults: Sequence[Fault], named: bool = True) -> str:
    """How many there are for each reason, and the first of each where it may be `named`."""
    by_reason: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        by_reason[fault.reason].append(fault)
    often = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    return "; ".join(f"{len(some)} {reason}{_first(some[0]) if named else ''}" for reason, some in often)


def _first(fault: Fault) -> str:
    where = fault.place or (fault.image[1] if fault.image else fault.name)
    return f" (first: {in_short([where])}: {fault.detail})"


def _patients(layout: Layout, batches: Sequence[Batch]) -> str:
    """Why ingest would not know who is a patient in these batches of a set; "" where it would."""
    try:
        layout.check_patients(layout.read(batch, batches[:index]) for index, batch in enumerate(batches))
    except UserError as error:
        return str(error)
    return ""


def _layout(names: Sequence[str], source: Path, section: Ingest | None) -> type[Layout]:
    """The folder's layout; BatchError where it has none, or another one than params.yaml says."""
    found = layout_of(names, str(source))
    if section and section.layout != found.name:
        wanted = type(layout_for(section))
        raise BatchError(
            f"{source}: is of layout {found.name}, but params.yaml says ingest.layout: {wanted.name} for set "
            f"{section.set}, which holds {wanted.recognised_by}; {what_is_here(source, names)}"
        )
    return found


def _section_of_its_own(name: str, layout: type[Layout]) -> Ingest:
    """Parameters that ask for nothing but the layout, for a set that params.yaml is not about."""
    return Ingest.model_construct(
        set=name, layout=layout.name, task="multilabel", labels=[], salt_fingerprint="", one_patient_per="image"
    )


def _sorted_out(batch: Batch, claims: Claims, section: Ingest, coding: Coding | None) -> tuple[list[Fault], int]:
    """(rows that would be quarantined, how many have no image), as ingest sorts them, which decodes besides; without a
    `coding` no word is an unknown label."""
    labelled, faults, absent = encode_labels([claims], coding)
    sound, repeated = settle(labelled, faults, section)
    return faults + repeated + _undecodable(batch, [record for record, _ in sound], section), len(absent)


def _undecodable(batch: Batch, records: Sequence[Record], section: Ingest) -> list[Fault]:
    """A fault for each record whose image is none by its first bytes, or is larger than allowed."""
    own = [record for record in records if record.image and record.image[0] == batch.name]
    with ThreadPoolExecutor(4 * workers()) as threads:  # they wait for the disk, or for a file server
        found = progress.bar(
            threads.map(partial(_fault_of, batch, section.max_pixels), own),
            what="looking",
            unit="file",
            total=len(own),
            show=len(own) >= _MANY,
        )
        return [fault for fault in found if fault]


def _fault_of(batch: Batch, max_pixels: int, record: Record) -> Fault | None:
    """What the first bytes of a record's image say against it."""
    path = (record.image or ("", ""))[1]
    place = batch.locate(path)
    try:
        header = inspect(place.head(_HEAD), PurePosixPath(path).suffix)
        if header.width * header.height <= max_pixels:
            return None
        reason, detail = "too_large", f"{header.width} x {header.height} is more than {max_pixels} pixels"
    except Undecodable as error:
        if error.reason == "truncated" and place.size > _HEAD:  # of the first bytes alone, not of the file
            return None
        reason, detail = error.reason, error.detail
    except OSError as error:
        raise unreadable(place.path, error) from error
    return Fault(record.batch, record.place, record.name, reason, detail, record.image)


def _alike(names: Iterable[str]) -> list[str]:
    """Names that are one where case, or the form in which Unicode writes accents, does not count."""
    plain = {name: unicodedata.normalize("NFC", name).casefold() for name in names}
    several = {form for form, count in Counter(plain.values()).items() if count > 1}
    return [name for name, form in plain.items() if form in several]


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)} ({in_short(names)})"
