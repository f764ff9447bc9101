"""Finished outputs of earlier runs with the same recipe: their shards save decoding, here and on other machines.

An output is looked for in `data/processed` itself (a run by hand; DVC deletes it first) and by the hashes in dvc.lock.
Nothing is used before its hash was compared: small files here, shards where they are read.
"""

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cxr.core.files import CHECKSUMS, canonical_json, sha256_file
from cxr.data.shards import INDEX, bucket_name, made_of
from cxr.runtime.previous_outputs import Objects, md5_of, recorded
from stages.preprocess.recipe import Recipe

_NAME = re.compile(r"[A-Za-z0-9_.-]+")
Locate = Callable[[str, bool], Path | None]  # (file name, whether to fetch it) to where it is

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shard:
    """One shard of an earlier output: where its file is, and the SHA-256 that the output's SHA256SUMS names."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Previous:
    """An earlier output: file name to SHA-256, a processed image's name (`shards.made_of`) to (bucket, row), and how to
    come by a file."""

    origin: str
    checksums: dict[str, str]
    rows: dict[str, tuple[int, int]]
    locate: Locate

    def shard(self, bucket: int, *, fetch: bool) -> Shard | None:
        """A bucket's shard, from the DVC remote only if `fetch`; None where it can't be had."""
        name = bucket_name(bucket)
        path = self.locate(name, fetch) if name in self.checksums else None
        return Shard(path, self.checksums[name]) if path else None

    def buckets(self) -> dict[int, list[str]]:
        """Bucket to the names of its images in the order of the rows."""
        grouped: dict[int, dict[int, str]] = {}
        for name, (bucket, row) in self.rows.items():
            grouped.setdefault(bucket, {})[row] = name
        return {bucket: [names[row] for row in sorted(names)] for bucket, names in grouped.items()}


def find(recipe: Recipe, output: Path, scratch: Path, *, fetch: bool) -> list[Previous]:
    """Earlier outputs of this recipe, nearest first. `fetch`: also from the DVC remote, into the folder `scratch`."""
    return [p for origin, locate in _candidates(output, scratch, fetch) if (p := _read(origin, locate, recipe, fetch))]


def _candidates(output: Path, scratch: Path, fetch: bool) -> Iterator[tuple[str, Locate]]:
    """Where an earlier output may be, nearest first: the output folder, then what dvc.lock records. Each comes
    with the function that finds its files."""
    yield str(output), lambda name, fetch: output / name if (output / name).is_file() else None
    md5s = recorded(output.as_posix())
    objects = Objects(scratch, "preprocess: earlier shards are") if md5s else None
    for (md5,) in md5s:
        if objects and (listing := _listing(objects, md5, fetch)) is not None:
            yield f"dvc.lock's {output}", _by_listing(objects, listing)


def _listing(objects: Objects, md5: str, fetch: bool) -> dict[str, str] | None:
    """File name to MD5 of a folder that DVC recorded, its own MD5 checked; None where it can't be had."""
    path = objects.find(md5, fetch=fetch)
    content = path.read_bytes() if path else None
    if content is None:
        return None
    if md5_of(content) != md5.removesuffix(".dir"):
        _distrust(str(path), "is not what its name says")
        return None
    return {e["relpath"]: e["md5"] for e in json.loads(content) if _NAME.fullmatch(e["relpath"])}


def _by_listing(objects: Objects, listing: dict[str, str]) -> Locate:
    """Finds the files of an output in the DVC cache or remote by its listing, file name to MD5."""
    return lambda name, fetch: objects.find(listing[name], fetch=fetch) if name in listing else None


def _read(origin: str, locate: Locate, recipe: Recipe, fetch: bool) -> Previous | None:
    """The earlier output, where its recipe is this one and its checksums and index can be trusted."""
    sums = locate(CHECKSUMS, fetch)
    if sums is None:
        return None
    checksums = dict(line.split("  ", 1)[::-1] for line in sums.read_text().splitlines() if "  " in line)
    for name, content in recipe.files().items():
        if checksums.get(name) != hashlib.sha256(canonical_json(content).encode()).hexdigest():
            return None
    path = locate(INDEX, fetch)
    if path is None:
        return None
    if checksums.get(INDEX) != sha256_file(path):
        _distrust(f"{origin}: {INDEX}", "has another SHA-256 than SHA256SUMS records")
        return None
    try:
        index = pq.read_table(path).to_pandas()
    except pa.ArrowException:
        _distrust(f"{origin}: {INDEX}", "cannot be read")
        return None
    rows = {made_of(i, int(d), int(o)): (int(b), int(r)) for i, b, r, d, o in index.itertuples(index=False)}
    return Previous(origin, checksums, rows, locate)


def _distrust(what: str, why: str) -> None:
    """Warn that an earlier output is not used, and why."""
    logger.warning("preprocess: %s %s; it is not used", what, why)
