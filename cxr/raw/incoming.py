"""What a folder that waits to become a batch would bring in: its layout, its labelled images, how many of them are new.

Nothing is copied or decoded; `cxr.raw.add` takes it in.
"""

from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from cxr.core.files import sha256_file
from cxr.params.schema import Ingest
from cxr.raw.door import look_at
from cxr.raw.names import is_image


@dataclass(frozen=True)
class Incoming:
    """A folder's layout and counts of its files. `labelled`: images that have a label by the layout (a table names
    them, or they stand in a class folder); `new`: those of them that the set's manifest does not hold, the same bytes
    counted once; `digest`: SHA-256 over names and contents; `quarantined`, `absent`: rows that ingest would refuse, and
    that have no image, as far as `cxr.raw.door` tells."""

    layout: str
    files: int
    images: int
    labelled: int
    new: int
    digest: str
    quarantined: int
    absent: int

    def as_json(self) -> dict[str, Any]:
        """The fields as a JSON object: what flows read."""
        return asdict(self)


def inspect(source: Path, known: frozenset[str] = frozenset(), section: Ingest | None = None) -> Incoming:
    """Count what a folder would bring in; `known` are SHA-256 of image files that the set holds, `section` says how the
    set is read.

    BatchError as `cxr.raw.add.add` raises it; UserError where a table of the folder can't be read.
    """
    seen = look_at(source, "waiting", section)
    hashes = {name: sha256_file(source / name) for name in seen.names}
    images = [name for name in seen.names if is_image(name)]
    labelled = seen.layout.labelled(source, seen.names)
    digest = sha256("".join(f"{sha}  {name}\n" for name, sha in sorted(hashes.items())).encode()).hexdigest()
    new = {hashes[name] for name in labelled} - known
    counts = (len(seen.names), len(images), len(labelled), len(new))
    return Incoming(seen.layout.name, *counts, digest, len(seen.quarantined), seen.absent)


def known_images(manifest: Path) -> frozenset[str]:
    """SHA-256 of the files in a manifest; none where there is no such file."""
    return frozenset(pd.read_parquet(manifest, columns=["sha256"])["sha256"]) if manifest.exists() else frozenset()
