"""Names of files inside a batch: which are safe, which promise an image, which are documents."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from cxr.core.errors import UserError
from cxr.core.files import CHECKSUMS
from cxr.imaging.decode import SUFFIXES

MEMBERS = "MEMBERS.sha256"  # SHA-256 and name of every file inside the archives of a packed batch
OWN = (CHECKSUMS, MEMBERS)
IMAGE_KINDS = " or ".join(dict.fromkeys(kind.upper() for kind in SUFFIXES.values()))  # for messages
_BATCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LINE_BREAK = re.compile(r"[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")  # what Unicode or Python takes for a line's end
_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # a name with them is shown in another order
_DOCUMENT = re.compile(
    r".+\.(?:txt|md|rst|rtf|csv|tsv|xlsx?|xlsm|ods|jsonl?|xml|ya?ml|html?|pdf|docx?|odt|py|ipynb|sh|bat|m|r|log|ini|cfg"
    r"|toml|bib|tex|cff|url|lnk|webloc|sha256|md5|sums)(?:\.gz)?"
    r"|readme|licen[cs]e|copying|changelog|notice|authors|citation|makefile|(?:md5|sha1|sha256)sums",
    re.IGNORECASE,
)
_PACKED = re.compile(r".+\.(?:zip|7z|rar|gz|tgz|bz2|tbz2?|xz|txz|zst|tzst|lz4|z|z01|7z\.001)", re.IGNORECASE)


class BatchError(UserError):
    """A batch, its checksums or its ledger is not in order; the message names it and says what to do."""


def unreadable(path: Path, error: OSError) -> BatchError:
    """The refusal of a file or folder of a source that the system does not open."""
    return BatchError(f"{path}: may not be read ({error.strerror}); mend that, or leave it out")


def fault_of(name: str) -> str | None:
    """Why a relative POSIX path may not be used ("absolute", ...), None where it may."""
    if not name or name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "an absolute or empty path"
    if any(part in ("", ".", "..") for part in name.split("/")) or "\\" in name:
        return "a path that leaves its folder or is not in plain form"
    if _LINE_BREAK.search(name):
        return "a line break in the name"
    if _BIDI.search(name):
        return "a control character in the name that turns the direction of writing"
    return "a control or undecodable character in the name" if _CONTROL.search(name) else None


def is_batch_name(name: str) -> bool:
    """Whether a folder's name can be a batch's: letters, digits, dot, dash, underscore."""
    return _BATCH.fullmatch(name) is not None


def in_order(name: str) -> list[tuple[int, str]]:
    """Sort key of batch names: numbers count as numbers, so that batch-1000 comes after batch-999."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def is_image(name: str) -> bool:
    """Whether a name is that of an image of a kind that is decoded."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 (ten times as fast)


def is_document(name: str) -> bool:
    """Whether a file is, by its name, a text, a table, a list or a program: what people put beside images."""
    return _DOCUMENT.fullmatch(name.rpartition("/")[2]) is not None


def is_packed(name: str) -> bool:
    """Whether a file is, by its name, an archive or compressed; an uncompressed `.tar` is read in place."""
    return _PACKED.fullmatch(name.rpartition("/")[2]) is not None and not is_document(name)


def in_short(names: Sequence[str], most: int = 3) -> str:
    """The first names and how many more there are, as a phrase."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(name if name.isprintable() else repr(name) for name in names[:most]) + more
