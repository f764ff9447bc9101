"""What an earlier run found out about files, here or on another machine: they are not decoded again.

The earlier manifest is found by dvc.lock: in `data/` itself, in DVC's cache, else in its remote. It is used only where
its MD5 is the recorded one, and where the `data/ingest.json` beside it says that the same code, libraries and bound
found the facts out. It knows no files that were quarantined or merged, and of a 16-bit file the figures at one depth
alone, though new files may ask for another: those are read again.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cxr.data.manifest import STATISTICS
from cxr.runtime import paths
from cxr.runtime.previous_outputs import Objects, md5_of, recorded

MANIFEST, COUNTS = Path("data/manifest.parquet"), Path("data/ingest.json")
FACTS_BY = "facts_by"  # the entry of data/ingest.json that says what found the facts out
FileKey = tuple[str, str]  # a file's SHA-256 and suffix
logger = logging.getLogger(__name__)
_COLUMNS = ("sha256", "source", "image_id", "width", "height", "stored_bits", "orientation", *STATISTICS)


def suffix_of(name: str) -> str:
    """A file name's suffix (".png", ...), in lower case: it is held against the file's content."""
    return PurePosixPath(name).suffix.lower()


def find(wanted: Collection[FileKey], facts_by: dict[str, Any]) -> dict[FileKey, dict[str, Any]]:
    """The facts of those of `wanted` that an earlier manifest holds, by the names of `stages.ingest.facts.Fact`.

    Statistics are float32 values, as the manifest keeps them.
    """
    md5s = recorded(MANIFEST.as_posix(), COUNTS.as_posix()) if wanted else []
    if not md5s:
        return {}
    scratch = paths.cache("ingest") / "fetched" / hashlib.sha256(str(Path.cwd()).encode()).hexdigest()[:8]
    objects = Objects(scratch, "ingest: the earlier manifest is")
    found: dict[FileKey, dict[str, Any]] = {}
    for of_manifest, of_counts in md5s:
        if found.keys() >= set(wanted):
            break
        counts = _content(objects, COUNTS, of_counts)
        if counts and json.loads(counts).get(FACTS_BY) == facts_by:
            found = _facts(_content(objects, MANIFEST, of_manifest), wanted) | found
    shutil.rmtree(scratch, ignore_errors=True)
    return found


def _content(objects: Objects, output: Path, md5: str) -> bytes | None:
    """An output as dvc.lock recorded it: from the workspace, DVC's cache or remote; None where it can't be had."""
    if output.is_file() and md5_of(content := output.read_bytes()) == md5:
        return content
    path = objects.find(md5, fetch=True)
    if path is None:
        return None
    content = path.read_bytes()
    if md5_of(content) == md5:
        return content
    logger.warning("ingest: %s: the earlier %s is damaged (MD5); it is not used", path, output)
    return None


def _facts(manifest: bytes | None, wanted: Collection[FileKey]) -> dict[FileKey, dict[str, Any]]:
    """Facts of the wanted files in a manifest's bytes."""
    if manifest is None:
        return {}
    table = pq.read_table(pa.BufferReader(manifest), columns=list(_COLUMNS))
    rows = zip(*(table[name].to_pylist() for name in _COLUMNS), strict=True)
    return {
        key: {
            "sha256": sha256,
            "image_id": image_id,
            "width": width,
            "height": height,
            "stored_bits": stored_bits,
            "orientation": orientation,
            "depths": (stored_bits,),
            "statistics": (statistics,),
        }
        for sha256, source, image_id, width, height, stored_bits, orientation, *statistics in rows
        if stored_bits == 8 and (key := (sha256, suffix_of(source))) in wanted
    }
