"""What a run has to do: for each bucket, whether an earlier shard can be copied whole, else where its images are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cxr.data import shards
from cxr.data.manifest import Manifest
from stages.preprocess.previous import Previous, Shard


@dataclass(frozen=True)
class SourceImage:
    """One image as the manifest names it: its file, that file's SHA-256, its number of pixels, and what beside the
    pixels as stored decides how they come out: bits of the levels, orientation."""

    image_id: str
    batch: str
    source: str
    sha256: str
    pixels: int
    bits: int = 8
    orientation: int = 1

    @property
    def made(self) -> str:
        """What names the image's result among those of one recipe: an id alone where nothing is scaled or turned."""
        return shards.made_of(self.image_id, self.bits, self.orientation)


@dataclass(frozen=True)
class Bucket:
    """One shard to be made: its images in the order of the rows, and what earlier outputs hold of it.

    `whole`: an earlier shard of the same images. `rows`: an image's `made` to (earlier shard, row), where not cached.
    """

    number: int
    images: tuple[SourceImage, ...]
    whole: Shard | None
    rows: dict[str, tuple[Shard, int]]


def studies(manifest: Manifest) -> list[SourceImage]:
    """The manifest's images, in its order."""
    table = manifest.table
    pixels = table["width"].astype("int64") * table["height"].astype("int64")
    columns = [table[name] for name in ("image_id", "batch", "source", "sha256")]
    columns += [pixels, table["bit_depth"], table["orientation"]]
    return [SourceImage(i, b, s, h, int(n), int(d), int(o)) for i, b, s, h, n, d, o in zip(*columns, strict=True)]


def buckets(
    images: Sequence[SourceImage], number: int, cached: Collection[str], earlier: Sequence[Previous]
) -> list[Bucket]:
    """The shards to be made of `images` in `number` buckets; `cached` are the names in the per-image cache.

    An earlier output's shard is fetched from another machine only where the cache lacks one of its images.
    """
    by_id = {study.image_id: study for study in images}
    known = [(previous, previous.buckets()) for previous in earlier]
    planned = []
    for bucket, ids in shards.plan(list(by_id), number).items():
        inside = tuple(by_id[image_id] for image_id in ids)
        names = [study.made for study in inside]
        lacking = [name for name in names if name not in cached]
        same = (p.shard(bucket, fetch=bool(lacking)) for p, grouped in known if grouped.get(bucket) == names)
        whole = next((shard for shard in same if shard), None)
        planned.append(Bucket(bucket, inside, whole, {} if whole else _rows(lacking, earlier)))
    return planned


def to_decode(planned: Sequence[Bucket], cached: Collection[str]) -> list[SourceImage]:
    """The images that neither the cache nor an earlier shard holds."""
    return [
        study
        for bucket in planned
        if bucket.whole is None
        for study in bucket.images
        if study.made not in cached and study.made not in bucket.rows
    ]


def _rows(names: Sequence[str], earlier: Sequence[Previous]) -> dict[str, tuple[Shard, int]]:
    """Name of a processed image to earlier shard and row, for those that an earlier output holds."""
    found: dict[str, tuple[Shard, int]] = {}
    for previous in earlier:
        for name in names:
            if name not in found and name in previous.rows:
                bucket, row = previous.rows[name]
                if shard := previous.shard(bucket, fetch=True):
                    found[name] = (shard, row)
    return found
