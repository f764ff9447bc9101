"""The stage's edge: reads manifest and batches, writes `data/processed/`, decodes only what is new.

The chain is applied to an image once: its result is kept in `.cache/preprocess/`, and in the shards of earlier outputs
(DVC's cache or remote, by dvc.lock). A killed run loses no image that was done; the bytes never depend on what was at
hand nor on the number of processes. An image taken from an earlier shard of a bucket that changed goes into the cache
too; a shard that is copied whole is not unpacked.
"""

import hashlib
import logging
import shutil
from collections import Counter
from pathlib import Path
from typing import TypeVar

from cxr.core.environment import workers
from cxr.core.errors import UserError
from cxr.core.files import atomic_folder
from cxr.data import manifest, shards
from cxr.data.preprocessing_spec import Chain
from cxr.params import Params
from cxr.raw import private_names
from cxr.runtime import paths, progress
from cxr.runtime.process_pool import pool
from stages.preprocess import plan, previous
from stages.preprocess.image_cache import ImageCache
from stages.preprocess.recipe import Recipe
from stages.preprocess.worker import ImageWorker, UnlikeManifest

R = TypeVar("R")
PROCESSED = Path("data/processed")
COUNTS = ("images", "decoded", "from_cache", "from_previous_output", "shards_rewritten", "shards_unchanged")
_WORTH_A_PROCESS = 32  # images; below that a process takes longer to start than it saves
_CHUNK = 4

logger = logging.getLogger(__name__)


def preprocess(params: Params) -> dict[str, int]:
    """Make `data/processed/`; counts of work done, by `COUNTS`. UserError names a file that is not as recorded."""
    described = manifest.read()
    if described.table.empty:
        raise UserError("data/manifest.parquet: no image in it; see data/quarantine.csv and data/absent.csv")
    section, raw = params.preprocess, Path("data/raw") / described.head.set
    recipe = Recipe.present(Chain.from_params(section, described.head.channels, described.head.level_bits))
    shape = (recipe.chain.size, recipe.chain.size, recipe.chain.channels)
    cache = ImageCache(paths.cache("preprocess") / "images", recipe.key, shape)
    scratch = paths.cache("preprocess") / "fetched" / hashlib.sha256(str(Path.cwd()).encode()).hexdigest()[:8]
    limit = int(section.cache_gigabytes * 1e9)

    images = plan.studies(described)
    cached = cache.ids() & {study.made for study in images}
    earlier = previous.find(recipe, PROCESSED, scratch, fetch=len(cached) < len(images))
    planned = plan.buckets(images, section.buckets, cached, earlier)
    missing = plan.to_decode(planned, cached)
    free_cache(cache, limit, cached, len(missing))
    private = not described.head.public
    with private_names.withheld(private, "preprocess", (UnlikeManifest,)), atomic_folder(PROCESSED) as folder:
        recipe.write(folder)
        counts = write_shards(ImageWorker(raw, recipe.chain, cache, folder), missing, planned)
        forms = {study.image_id: (study.bits, study.orientation) for study in images}
        shards.finish(folder, list(forms), section.buckets, forms)
    cache.trim(limit)
    shutil.rmtree(scratch, ignore_errors=True)
    return {name: counts[name] for name in COUNTS}


def free_cache(cache: ImageCache, limit: int, cached: set[str], coming: int) -> None:
    """Remove least recently used entries, but none that this run needs; a warning where it needs more."""
    needed = cache.bytes_for(coming)
    if (kept := cache.trim(max(limit - needed, 0), cached)) + needed > limit:
        logger.warning(
            "preprocess: this run needs %.1f GB of cache, more than preprocess.cache_gigabytes (%.1f); "
            "it is cut back at the end",
            (kept + needed) / 1e9,
            limit / 1e9,
        )


def write_shards(worker: ImageWorker, missing: list[plan.SourceImage], planned: list[plan.Bucket]) -> Counter[str]:
    """Decode the images that are missing into the cache, then write every shard; counts of work done."""
    counts: Counter[str] = Counter(images=sum(len(bucket.images) for bucket in planned))
    processes = min(workers(), 1 + max(len(missing), counts["images"] // 100) // _WORTH_A_PROCESS)
    with pool(processes, worker) as map_ordered:
        for _ in progress.bar(
            map_ordered(ImageWorker.fill_cache, missing, _CHUNK), what="decoding", unit="image", total=len(missing)
        ):
            counts["decoded"] += 1
        for done in progress.bar(
            map_ordered(ImageWorker.write_shard, planned), what="shards", unit="shard", total=len(planned)
        ):
            counts += done
    counts["from_cache"] -= len(missing)  # they went through the cache, but were decoded now
    return counts
