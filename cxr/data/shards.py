"""Processed images as memory-mapped shards: `bucket-NNN.npy`, uint8 (images, height, width, channels), and an index.

A shard holds the images whose hash falls into its bucket, sorted by image_id; `index.parquet` has `image_id`, `bucket`
(int16), `row` (int32), and what beside the pixels as stored went into the image: `bits` by which its levels were scaled
and its `orientation` (int8 both), sorted by image_id. `SHA256SUMS` holds the files' hashes. Decoding is never done
here.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from cxr.core.errors import HashMismatch
from cxr.core.files import CHECKSUMS, atomic_file, read_checksums, sha256_file, write_checksums
from cxr.data.manifest import write_table

INDEX = "index.parquet"
AS_STORED = (8, 1)  # bits and orientation of an upright 8-bit file
_NONE: Mapping[str, tuple[int, int]] = MappingProxyType({})
_INDEX_TYPES = {
    "image_id": pa.string(),
    "bucket": pa.int16(),
    "row": pa.int32(),
    "bits": pa.int8(),
    "orientation": pa.int8(),
}


def bucket_of(image_id: str, buckets: int) -> int:
    """Bucket of an image: its id's first 8 hex digits, modulo the number of buckets."""
    return int(image_id[:8], 16) % buckets


def bucket_name(bucket: int) -> str:
    """File name of a bucket's shard."""
    return f"bucket-{bucket:03d}.npy"


def plan(image_ids: Sequence[str], buckets: int) -> dict[int, list[str]]:
    """Bucket to its image ids, sorted; empty buckets are left out."""
    grouped: dict[int, list[str]] = {}
    for image_id in sorted(image_ids):
        grouped.setdefault(bucket_of(image_id, buckets), []).append(image_id)
    return dict(sorted(grouped.items()))


def write_bucket(folder: Path, bucket: int, images: np.ndarray) -> None:
    """Write one shard, uint8 (images, height, width, channels), whole or not at all; OSError names the file."""
    path = folder / bucket_name(bucket)
    pixels = np.ascontiguousarray(images)
    try:
        with atomic_file(path) as stream:
            np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(pixels))
            stream.write(pixels.data)  # not NumPy's own writing, which tells a full disk by no error number
    except OSError as error:
        error.filename = str(path)
        raise


def made_of(image_id: str, bits: int, orientation: int) -> str:
    """What names a processed image among those of one chain: its id alone, where nothing was scaled or turned."""
    return image_id if (bits, orientation) == AS_STORED else f"{image_id}-{bits}-{orientation}"


def finish(folder: Path, image_ids: Sequence[str], buckets: int, forms: Mapping[str, tuple[int, int]] = _NONE) -> None:
    """Write the index and the checksums of a folder whose shards are all there.

    `forms`: bits and orientation by image id, where they are others than those of an upright 8-bit file.
    """
    grouped = plan(image_ids, buckets)
    rows = sorted((image_id, bucket, row) for bucket, ids in grouped.items() for row, image_id in enumerate(ids))
    columns = list(zip(*((*row, *forms.get(row[0], AS_STORED)) for row in rows), strict=True)) or [()] * 5
    arrays = [pa.array(column, kind) for column, kind in zip(columns, _INDEX_TYPES.values(), strict=True)]
    write_table(folder / INDEX, pa.table(arrays, names=list(_INDEX_TYPES)))
    write_checksums(folder)


class Shards:
    """Read access to a folder of shards; every file is compared with its checksum once, when first opened."""

    def __init__(self, folder: Path = Path("data/processed")) -> None:
        """Open the index. HashMismatch names a file whose bytes are not as recorded."""
        self.folder = folder
        self._checksums = read_checksums(folder)
        self._check(INDEX)
        index: pd.DataFrame = pq.read_table(folder / INDEX, columns=["image_id", "bucket", "row"]).to_pandas()
        self._location = {i: (int(b), int(r)) for i, b, r in index.itertuples(index=False)}
        self._open: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        """Number of images in all shards."""
        return len(self._location)

    def __contains__(self, image_id: str) -> bool:
        """Whether the image is in the shards."""
        return image_id in self._location

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width (pixels) and channels of every image."""
        return tuple(self.bucket(next(iter(self._location.values()))[0]).shape[1:])

    def image_ids(self) -> list[str]:
        """The ids of all images in the shards, sorted."""
        return sorted(self._location)

    def bucket(self, bucket: int) -> np.ndarray:
        """One shard, read-only memory map, uint8 (images, height, width, channels)."""
        if bucket not in self._open:
            self._check(bucket_name(bucket))
            path = self.folder / bucket_name(bucket)
            self._open[bucket] = np.load(path, mmap_mode="r", allow_pickle=False)
        return self._open[bucket]

    def image(self, image_id: str) -> np.ndarray:
        """One image, uint8 (height, width, channels); KeyError where it is not in the index."""
        bucket, row = self._location[image_id]
        return self.bucket(bucket)[row]

    def images(self, image_ids: Sequence[str]) -> np.ndarray:
        """Images in the order asked, uint8 (images, height, width, channels), copied into memory."""
        stack = np.empty((len(image_ids), *self.image_shape), np.uint8)
        for position, image_id in enumerate(image_ids):
            stack[position] = self.image(image_id)
        return stack

    def minibatches(self, image_ids: Sequence[str], size: int) -> Iterator[np.ndarray]:
        """Images in the order asked, `size` at a time (the last ones fewer), uint8 (size, height, width, channels)."""
        for start in range(0, len(image_ids), size):
            yield self.images(image_ids[start : start + size])

    def _check(self, name: str) -> None:
        """HashMismatch where a file is not listed in SHA256SUMS, or its bytes have changed."""
        if name not in self._checksums:
            raise HashMismatch(f"{self.folder / name}: not in the folder's {CHECKSUMS}")
        if sha256_file(self.folder / name) != self._checksums[name]:
            raise HashMismatch(
                f"{self.folder / name}: its SHA-256 is not the one in {CHECKSUMS}; run `dvc repro preprocess`"
            )
