"""The work on one image and on one shard, as each process of the pool does it."""

import fcntl
import hashlib
import logging
import shutil
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from cxr.core.errors import UserError
from cxr.core.files import atomic_file, sha256_file
from cxr.data.preprocessing_spec import Chain
from cxr.data.shards import bucket_name, write_bucket
from cxr.imaging.decode import decode
from cxr.imaging.formats.undecodable import Undecodable
from cxr.imaging.levels import bits_of
from cxr.imaging.preprocess import apply
from cxr.raw.batch import Batch, open_set
from stages.preprocess.image_cache import ImageCache
from stages.preprocess.plan import Bucket, SourceImage
from stages.preprocess.previous import Shard

_FICLONE = 0x40049409  # Linux: share the blocks until one side is written (Btrfs, XFS)

logger = logging.getLogger(__name__)


class UnlikeManifest(UserError):
    """A raw file is missing or changed since ingest; the message names it as the manifest does."""


@dataclass(frozen=True)
class ImageWorker:
    """Where a run reads (folder of the set's batches), what it applies, its cache, and the folder of its shards."""

    raw: Path
    chain: Chain
    cache: ImageCache
    output: Path
    _opened: dict[Shard, np.ndarray | None] = field(default_factory=dict, compare=False)

    def make(self, study: SourceImage) -> np.ndarray:
        """Decode one file, apply the chain and put the result into the cache: uint8 (size, size, channels).

        UnlikeManifest names a file that is missing, is not the one that the manifest describes, or does not decode.
        """
        path = self.raw / study.batch / study.source
        batch = self._batches.get(study.batch)
        if batch is None:
            raise _unlike_manifest(path, "its batch is not there")
        data = batch.read(batch.file_of(study.source, study.sha256))
        if hashlib.sha256(data).hexdigest() != study.sha256:
            raise _unlike_manifest(path, "its SHA-256 is another one")
        try:
            decoded = decode(data, study.pixels)
        except Undecodable as error:
            raise _unlike_manifest(path, f"it does not decode ({error})") from error
        if (bits_of(decoded, self.chain.level_bits), decoded.orientation) != (study.bits, study.orientation):
            raise _unlike_manifest(path, "its significant bits or its orientation are others")
        image = apply(self.chain, decoded)
        self.cache.put(study.made, image)
        return image

    def fill_cache(self, study: SourceImage) -> None:
        """Decode and process one image, for the cache alone."""
        self.make(study)

    def write_shard(self, bucket: Bucket) -> Counter[str]:
        """Write one shard; counts of images decoded, from_cache, from_previous_output, and of shards."""
        if bucket.whole and self._copy_shard(bucket.number, bucket.whole):
            return Counter(from_previous_output=len(bucket.images), shards_unchanged=1)
        counts = Counter(shards_rewritten=1)
        images = np.empty((len(bucket.images), *self.cache.shape), np.uint8)
        for row, study in enumerate(bucket.images):
            origin, images[row] = self._image(study, bucket)
            counts[origin] += 1
        write_bucket(self.output, bucket.number, images)
        return counts

    def _image(self, study: SourceImage, bucket: Bucket) -> tuple[str, np.ndarray]:
        """Where an image came from, and the image: the cache, an earlier shard, else its file."""
        if (image := self.cache.get(study.made)) is not None:
            return "from_cache", image
        shard, row = bucket.rows.get(study.made, (None, 0))
        pixels = self._trusted(shard) if shard else None
        if pixels is None or pixels.shape[1:] != self.cache.shape:
            return "decoded", self.make(study)
        self.cache.put(study.made, pixels[row])
        return "from_previous_output", pixels[row]

    def _copy_shard(self, number: int, shard: Shard) -> bool:
        """Copy an earlier shard (blocks shared where the file system can); False where it is not as recorded."""
        target = self.output / bucket_name(number)
        with shard.path.open("rb") as source, atomic_file(target) as copy:
            try:
                fcntl.ioctl(copy.fileno(), _FICLONE, source.fileno())
            except OSError:
                shutil.copyfileobj(source, copy, 1 << 20)
        if sha256_file(target) == shard.sha256:
            return True
        target.unlink()
        return _distrust(shard)

    @cached_property
    def _batches(self) -> dict[str, Batch]:
        """The set's batches by name."""
        return {batch.name: batch for batch in open_set(self.raw)}

    def _trusted(self, shard: Shard) -> np.ndarray | None:
        """An earlier shard, uint8 (images, height, width, channels), memory-mapped; None where it is damaged."""
        if shard not in self._opened:
            whole = sha256_file(shard.path) == shard.sha256 or _distrust(shard)
            self._opened[shard] = np.load(shard.path, mmap_mode="r", allow_pickle=False) if whole else None
        return self._opened[shard]


def _unlike_manifest(path: Path, why: str) -> UnlikeManifest:
    """The error for a raw file that is missing or changed since ingest."""
    return UnlikeManifest(f"{path}: not the file that data/manifest.parquet describes: {why}; run `dvc repro ingest`")


def _distrust(shard: Shard) -> bool:
    """Warn that a shard's bytes are not those recorded; False, for the caller to return."""
    logger.warning("preprocess: %s: earlier shard is damaged (SHA-256); it is not used", shard.path)
    return False
