"""What could not be scored, with the reason: quarantine.csv of the scoring log."""

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from cxr.core.files import write_csv
from cxr.imaging import usable
from cxr.imaging.formats.undecodable import REASONS as UNDECODABLE
from cxr.raw import private_names
from cxr.runtime import folder_lock
from serving.log.records import RefusedFile

QUARANTINE = "quarantine.csv"
_COLUMNS = ("path", "sha256", "reason", "detail")


def add(log: Path, refused: Iterable[RefusedFile]) -> None:
    """Add files to quarantine.csv; the same path, bytes and reason stand once."""
    path = log / QUARANTINE
    with folder_lock.held(log):
        rows = read(log)
        rows += [dict(zip(_COLUMNS, (r.source, r.sha256, r.reason, r.detail), strict=True)) for r in refused]
        once = {(row["path"], row["sha256"], row["reason"]): row for row in rows}
        if len(once) > 0:
            write_csv(path, _COLUMNS, once.values())


def without_name(refused: RefusedFile) -> RefusedFile:
    """A refused file of a private set as quarantine.csv may have it: by its SHA-256, or by a token where it was not
    read (`cxr.raw.private_names.token`), its detail only where that is of the content."""
    known = private_names.stand_in(refused.sha256, refused.source) or private_names.token(refused.source)
    detail = refused.detail if refused.reason in (*UNDECODABLE, *usable.REASONS) else ""
    return replace(refused, source=known, detail=detail)


def read(log: Path) -> list[dict[str, str]]:
    """Rows of quarantine.csv, in the order they came."""
    path = log / QUARANTINE
    if not path.exists():
        return []
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))
