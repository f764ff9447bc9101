"""Damaged tables through every door that reads one: `python benchmarks/fuzz_tables.py [--tables 2500] [--seed 0]`.

Each table is a sound one (labels, boxes, an official list, feedback) with one to four mutations drawn from a seed: more
and fewer cells, quotes, other separators and encodings, line ends, bytes flipped and cut off, bombs, other headers. It
goes through the doors: the rows of a batch as ingest reads them, the look at a folder that waits, the views of images
to score, patients for a batch of feedback, and feedback itself. A door reads it or refuses it (UserError, which names
the table); anything else is a fault. Printed are the counts of outcomes, the slowest table in seconds, and the
peak memory of the process in MB; the exit status is 1 where there was a fault.
"""

import argparse
import gzip
import logging
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load

import pandas as pd

from cxr.core.errors import UserError
from cxr.params.schema import Ingest
from cxr.raw.batch import Batch
from cxr.raw.layouts.base import Fault
from cxr.raw.layouts.nih import FINDINGS, Nih
from cxr.raw.layouts.registry import views_of
from serving.log import labels as feedback

IMAGES = tuple(f"{patient:08d}_{study:03d}.png" for patient in range(8) for study in range(2))
ENTRY, BOXES, LIST, FEEDBACK = "Data_Entry_2017.csv", "BBox_List_2017.csv", "test_list.txt", "feedback.csv"
SECTION = Ingest.model_construct(set="fuzz", layout="nih", task="multilabel", labels=sorted(FINDINGS))
Bytes = Callable[[random.Random, bytes], bytes]


def sound(random_: random.Random) -> dict[str, bytes]:
    """The tables of a sound batch, and one of feedback."""
    findings = ["No Finding", "Mass", "Effusion|Mass", "Pneumonia"]
    rows = [
        f"{name},{random_.choice(findings)},{name[-5]},{int(name[:8])},058Y,M,PA,2500,2048,0.143,0.143,"
        for name in IMAGES
    ]
    head = (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
    )
    boxes = ["Image Index,Finding Label,Bbox [x,y,w,h],,,", *(f"{name},Mass,1.5,2,3,4,,," for name in IMAGES[:4])]
    told = ["source,Mass,Effusion", *(f"{name},{random_.randint(0, 1)}," for name in IMAGES)]
    texts = {ENTRY: [head, *rows], BOXES: boxes, LIST: list(IMAGES[:4]), FEEDBACK: told}
    return {name: ("\n".join(lines) + "\n").encode() for name, lines in texts.items()}


def _lines(change: Callable[[random.Random, list[bytes]], None]) -> Bytes:
    """A mutation of a table's bytes from one of its lines."""

    def changed(random_: random.Random, data: bytes) -> bytes:
        """The bytes with their lines changed."""
        lines = data.split(b"\n")
        change(random_, lines)
        return b"\n".join(lines)

    return changed


def _within_line(insert: bytes, *, instead: bool = False) -> Bytes:
    """A mutation that puts bytes into a line at random, or in the place of a comma."""

    def change(random_: random.Random, lines: list[bytes]) -> None:
        """Put the bytes into a line, or in a comma's place."""
        number = random_.randrange(len(lines))
        line = lines[number]
        if instead:
            lines[number] = line.replace(b",", insert, 1)
        else:
            place = random_.randrange(len(line) + 1)
            lines[number] = line[:place] + insert + line[place:]

    return _lines(change)


def _swap_line(random_: random.Random, lines: list[bytes]) -> None:
    """Two lines change places."""
    one, other = random_.randrange(len(lines)), random_.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def _again(random_: random.Random, lines: list[bytes]) -> None:
    """A line stands twice."""
    lines.insert(random_.randrange(len(lines)), random_.choice(lines))


def _less(random_: random.Random, lines: list[bytes]) -> None:
    """A line is gone."""
    del lines[random_.randrange(len(lines))]


def _flip(random_: random.Random, data: bytes) -> bytes:
    """A few bytes are others."""
    changed = bytearray(data or b"x")
    for _ in range(random_.randint(1, 4)):
        changed[random_.randrange(len(changed))] = random_.randrange(256)
    return bytes(changed)


def _text(change: Callable[[str], bytes]) -> Bytes:
    """A mutation of the text, where the bytes still are text."""
    return lambda random_, data: change(data.decode("utf-8", "replace"))


def _replaced(old: bytes, new: bytes) -> Bytes:
    """A mutation that writes one thing for another everywhere."""
    return lambda random_, data: data.replace(old, new)


def _odd_cell(random_: random.Random, lines: list[bytes]) -> None:
    """A cell holds what belongs into no such cell."""
    number = random_.randrange(len(lines))
    cells = lines[number].split(b",")
    odd = (
        "-3",
        "1e9",
        "60,5",
        "AP Supine",
        "8.4E+36",
        "../x.png",
        "C:\\x.png",
        "nan",
        "１",
        "x" * 999,
        "",
        '""',
        "\u2028",
    )
    cells[random_.randrange(len(cells))] = random_.choice(odd).encode()
    lines[number] = b",".join(cells)


MUTATIONS: dict[str, Bytes] = {
    "comma": _within_line(b","),
    "quote": _within_line(b'"'),
    "quoted comma": _within_line(b'","'),
    "control character": _within_line(b"\0"),
    "no UTF-8": _within_line(b"\xfc"),
    "line break": _within_line(b"\r"),
    "separator of one line": _within_line(b";", instead=True),
    "long line": _within_line(b"y" * 200_000),
    "line twice": _lines(_again),
    "line gone": _lines(_less),
    "lines swapped": _lines(_swap_line),
    "odd cell": _lines(_odd_cell),
    "bytes flipped": _flip,
    "cut": lambda random_, data: data[: random_.randrange(len(data) + 1)],
    "semicolons": _replaced(b",", b";"),
    "tabs": _replaced(b",", b"\t"),
    "CRLF": _replaced(b"\n", b"\r\n"),
    "CR": _replaced(b"\n", b"\r"),
    "byte order mark": lambda random_, data: b"\xef\xbb\xbf" + data,
    "UTF-16": _text(lambda text: text.encode("utf-16")),
    "UTF-16 without mark": _text(lambda text: text.encode("utf-16-be")),
    "corners": _replaced(b"Bbox [x,y,w,h]", b"x_min,y_min,x_max,y_max"),
    "other column": _replaced(b"Patient ID", b"Patient"),
    "index column": _replaced(b"\n", b"\n1,"),
    "empty": lambda random_, data: b"",
    "header alone": lambda random_, data: data.partition(b"\n")[0],
    "many rows": lambda random_, data: data + b"a.png,Mass,0,1,1,M,PA,1,1,1,1,\n" * random_.choice((1, 1000, 60_000)),
    "bomb of lines": lambda random_, data: data + b"\n" * 3_000_000,
    "bomb of commas": lambda random_, data: data + b"," * random_.choice((999, 120_000)) + b"\n" + b"," * 100_000,
    "bomb of quotes": lambda random_, data: data + b'"a",' * 20_000,
}
RARE = ("many rows", "bomb of lines", "bomb of commas", "bomb of quotes")  # they cost most, and say little each time


@dataclass
class Outcomes:
    """What came of the tables: counts by door and outcome, faults by name, and the slowest."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")

    def note(self, what: str, door: str, outcome: str, seconds: float) -> None:
        """Count an outcome; "read" and "refused" are sound, anything else is a fault."""
        self.counts[f"{door}: {outcome if outcome in ('read', 'refused') else 'FAULT'}"] += 1
        if outcome not in ("read", "refused"):
            self.faults.append(f"{what}, {door}: {outcome}")
        self.slowest = max(self.slowest, (seconds, f"{what}, {door}"))


def mutated(seed: int) -> tuple[str, dict[str, bytes]]:
    """(what was done, the tables) for a seed: one table of four has one to four mutations; some are gzipped."""
    random_ = random.Random(seed)
    tables = sound(random_)
    name = random_.choices(list(tables), (5, 2, 1, 3))[0]
    weights = [0.1 if mutation in RARE else 1.0 for mutation in MUTATIONS]
    done = random_.choices(list(MUTATIONS), weights, k=random_.randint(1, 4))
    for mutation in done:
        tables[name] = MUTATIONS[mutation](random_, tables[name])
    if name != FEEDBACK and random_.random() < 0.2:
        data = gzip.compress(tables.pop(name))
        name += ".gz"
        tables[name] = _flip(random_, data) if random_.random() < 0.3 else data
    return f"table {seed}, {name}: {', '.join(done)}", tables


def doors(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every door that reads tables, as (name, what it does with the folder)."""
    yield "ingest", lambda: _claims(folder)
    yield "look", lambda: Nih.labelled(folder, Batch(folder).names())
    yield "views", lambda: views_of(folder)
    yield "patients of feedback", lambda: Nih(SECTION).writer(folder)
    scored = pd.DataFrame({"image_id": [f"{i:032x}" for i in range(len(IMAGES))], "source": IMAGES})
    yield "feedback", lambda: feedback.add(folder / "kept", folder / FEEDBACK, scored, sorted(FINDINGS))


def _claims(folder: Path) -> None:
    """What ingest makes of the folder as a batch; AssertionError where a row is lost."""
    claims = Nih(SECTION).read(Batch(folder), [])
    assert claims.rows == len(claims.records) + len(claims.faults)
    assert all(fault.detail for fault in claims.faults if isinstance(fault, Fault))


def try_table(what: str, tables: dict[str, bytes], outcomes: Outcomes) -> None:
    """Put the tables into a folder and through every door."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "images").mkdir()
        for image in IMAGES:
            (folder / "images" / image).touch()
        for table, data in tables.items():
            (folder / table).write_bytes(data)
        for door, opened in doors(folder):
            start = time.perf_counter()
            outcome = _outcome(opened, tables)
            outcomes.note(what, door, outcome, time.perf_counter() - start)


def _outcome(opened: Callable[[], object], tables: Collection[str]) -> str:
    """What came of it: read, refused with the name of a table, or what went wrong."""
    try:
        opened()
    except UserError as error:
        return "refused" if any(name in str(error) for name in tables) else f"refused without a name: {error}"
    except Exception as error:  # whatever a door lets through is what is looked for
        return f"{type(error).__name__}: {str(error)[:200]}"
    return "read"


def fuzz(tables: int, seed: int) -> Outcomes:
    """So many tables from a seed on."""
    outcomes = Outcomes()
    for number in range(seed, seed + tables):
        try_table(*mutated(number), outcomes)
    return outcomes


def main(arguments: list[str] | None = None) -> int:
    """The command; 1 where anything but a named refusal came out of a door."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--tables", type=int, default=2500)
    reader.add_argument("--seed", type=int, default=0)
    given = reader.parse_args(arguments)
    outcomes = fuzz(given.tables, given.seed)
    for outcome, number in sorted(outcomes.counts.items()):
        print(f"{outcome:32} {number}")
    print(f"slowest: {outcomes.slowest[0]:.2f} s ({outcomes.slowest[1]})")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    print("\n".join([f"faults: {len(outcomes.faults)}", *outcomes.faults[:20]]))
    return 1 if outcomes.faults else 0


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # of tables that tell no views
    sys.exit(main())
