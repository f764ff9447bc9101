"""What a run has to do: for each bucket, whether an earlier shard can be copied whole, else where its images are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cxr.data import shards
from cxr.data.manifest import Manifest
from stages.preprocess.previous import Previous, Shard


@dataclass(frozen=True)
class SourceImage:
    """One image as the manifest names it: its file, that file's SHA-256, and its number of pixels."""

    image_id: str
    batch: str
    source: str
    sha256: str
    pixels: int


@dataclass(frozen=True)
class Bucket:
    """One shard to be made: its images in the order of the rows, and what earlier outputs hold of it.

    `whole`: an earlier shard of the same images. `rows`: image id to (earlier shard, row), for images not cached.
    """

    number: int
    images: tuple[SourceImage, ...]
    whole: Shard | None
    rows: dict[str, tuple[Shard, int]]


def studies(manifest: Manifest) -> list[SourceImage]:
    """The manifest's images, in its order."""
    table = manifest.table
    pixels = table["width"].astype("int64") * table["height"].astype("int64")
    columns = (table["image_id"], table["batch"], table["source"], table["sha256"], pixels)
    return [SourceImage(i, b, s, h, int(n)) for i, b, s, h, n in zip(*columns, strict=True)]


def buckets(
    images: Sequence[SourceImage], number: int, cached: Collection[str], earlier: Sequence[Previous]
) -> list[Bucket]:
    """The shards to be made of `images` in `number` buckets; `cached` are the ids in the per-image cache.

    An earlier output's shard is fetched from another machine only where the cache lacks one of its images.
    """
    by_id = {study.image_id: study for study in images}
    known = [(previous, previous.buckets()) for previous in earlier]
    planned = []
    for bucket, ids in shards.plan(list(by_id), number).items():
        lacking = [image_id for image_id in ids if image_id not in cached]
        same = (p.shard(bucket, fetch=bool(lacking)) for p, grouped in known if grouped.get(bucket) == ids)
        whole = next((shard for shard in same if shard), None)
        rows = {} if whole else _rows(lacking, earlier)
        planned.append(Bucket(bucket, tuple(by_id[image_id] for image_id in ids), whole, rows))
    return planned


def to_decode(planned: Sequence[Bucket], cached: Collection[str]) -> list[SourceImage]:
    """The images that neither the cache nor an earlier shard holds."""
    return [
        study
        for bucket in planned
        if bucket.whole is None
        for study in bucket.images
        if study.image_id not in cached and study.image_id not in bucket.rows
    ]


def _rows(image_ids: Sequence[str], earlier: Sequence[Previous]) -> dict[str, tuple[Shard, int]]:
    """Image id to earlier shard and row, for those that an earlier output holds."""
    found: dict[str, tuple[Shard, int]] = {}
    for previous in earlier:
        for image_id in image_ids:
            if image_id not in found and image_id in previous.rows:
                bucket, row = previous.rows[image_id]
                if shard := previous.shard(bucket, fetch=True):
                    found[image_id] = (shard, row)
    return found
