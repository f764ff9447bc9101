"""Checkpoints of a training: whole or not at all, checked when read, keyed by everything that decides the result.

They live below `.cache/checkpoints/<stage>-<key>/` (CXR_CACHE overrides `.cache`), outside every DVC output.
"""

import hashlib
import io
import json
import logging
import os
import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np

from cxr.core.files import atomic_file, canonical_json
from cxr.model.model_folder import pack
from cxr.runtime.paths import cache

_KEPT_FILES, _KEPT_RUNS = 2, 4

logger = logging.getLogger(__name__)


def key(*parts: Any) -> str:
    """16 hex digits over JSON-able parts: dependency hashes, parameters, code version."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:16]


class Checkpoints:
    """The checkpoints of one training. A file: SHA-256 (32 bytes), then an .npz whose first array is the JSON state."""

    def __init__(self, stage: str, run_key: str) -> None:
        """Open the folder of this key; older runs' folders but the newest few are removed."""
        root = cache("checkpoints")
        self.folder = root / f"{stage}-{run_key}"
        self.folder.mkdir(parents=True, exist_ok=True)
        os.utime(self.folder)
        runs = sorted(root.glob(f"{stage}-*"), key=lambda p: p.stat().st_mtime_ns, reverse=True)
        for old in runs[_KEPT_RUNS:]:
            shutil.rmtree(old, ignore_errors=True)

    def save(self, step: int, state: dict[str, Any], arrays: Sequence[np.ndarray]) -> None:
        """Write the state at a step; the two newest are kept."""
        head = np.frombuffer(json.dumps(state).encode(), np.uint8)
        content = pack([head, *arrays])
        with atomic_file(self.folder / f"step-{step:09d}.ckpt") as stream:
            stream.write(hashlib.sha256(content).digest())
            stream.write(content)
        for old in sorted(self.folder.glob("step-*.ckpt"))[:-_KEPT_FILES]:
            old.unlink(missing_ok=True)

    def newest(self) -> tuple[dict[str, Any], list[np.ndarray]] | None:
        """State and arrays of the newest whole checkpoint, None where there is none; a broken one is removed."""
        for leftover in self.folder.glob(".*.part"):
            leftover.unlink(missing_ok=True)
        for path in sorted(self.folder.glob("step-*.ckpt"), reverse=True):
            content = path.read_bytes()
            if hashlib.sha256(content[32:]).digest() == content[:32]:
                return _unpack(content[32:])
            logger.warning("%s: broken checkpoint, removed; going on from the one before", path)
            path.unlink()
        return None


def _unpack(content: bytes) -> tuple[dict[str, Any], list[np.ndarray]]:
    """State and arrays of a checkpoint's .npz; nothing in it is unpickled."""
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = [archive[name] for name in sorted(archive.files)]
    return json.loads(arrays[0].tobytes()), arrays[1:]
