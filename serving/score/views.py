"""View positions of images, where a table of layout `nih` beside them tells; a scored folder need not have one."""
import csv
import gzip
import io
import os
from pathlib import Path

from cxr.raw.names import TABLE

_IMAGE, _VIEW = "Image Index", "View Position"
_MOST_BYTES = 1 << 28


def views_of(folder: Path) -> dict[str, str]:
    """File name to view ("PA", "AP", ...) from Data_Entry tables at the top of a folder, or of folders in it.

    What is no such table, or can't be read, tells nothing.
    """
    views: dict[str, str] = {}
    for path in sorted([*folder.glob("Data_Entry*"), *folder.glob("*/Data_Entry*")]):
        if TABLE.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            views |= _read(path)
    return views


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as stream:
            content = (gzip.GzipFile(fileobj=stream) if path.suffix == ".gz" else stream).read(_MOST_BYTES)
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace")))
        return {os.path.basename(row[_IMAGE]): (row[_VIEW] or "").strip()[:16].upper() for row in rows  # noqa: PTH119
                if row.get(_IMAGE) and row.get(_VIEW)}
    except (OSError, EOFError, csv.Error, ValueError):
        return {}
