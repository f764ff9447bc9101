"""What a folder that waits to become a batch would bring in: its layout, its labelled images, how many of them are new.

Nothing is copied or decoded; `cxr.raw.add` takes it in.
"""

from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from cxr.core.files import CHECKSUMS, sha256_file
from cxr.raw.layouts.registry import layout_of
from cxr.raw.names import MEMBERS, is_image
from cxr.raw.packing import listing


@dataclass(frozen=True)
class Incoming:
    """A folder's layout and counts of its files. `labelled`: images that have a label by the layout (a table names
    them, or they stand in a class folder); `new`: those of them that the set's manifest does not hold, the same bytes
    counted once; `digest`: SHA-256 over names and contents."""

    layout: str
    files: int
    images: int
    labelled: int
    new: int
    digest: str

    def as_json(self) -> dict[str, Any]:
        """The fields as a JSON object: what flows read."""
        return asdict(self)


def inspect(source: Path, known: frozenset[str] = frozenset()) -> Incoming:
    """Count what a folder would bring in; `known` are SHA-256 of image files that the set holds.

    BatchError as `cxr.raw.add.add` raises it; UserError where a table of the folder can't be read.
    """
    names = [name for name in listing(source).files if name not in (CHECKSUMS, MEMBERS)]
    layout = layout_of(names, str(source))
    hashes = {name: sha256_file(source / name) for name in names}
    images = [name for name in names if is_image(name)]
    labelled = layout.labelled(source, names)
    digest = sha256("".join(f"{sha}  {name}\n" for name, sha in sorted(hashes.items())).encode()).hexdigest()
    new = {hashes[name] for name in labelled} - known
    return Incoming(layout.name, len(names), len(images), len(labelled), len(new), digest)


def known_images(manifest: Path) -> frozenset[str]:
    """SHA-256 of the files in a manifest; none where there is no such file."""
    return frozenset(pd.read_parquet(manifest, columns=["sha256"])["sha256"]) if manifest.exists() else frozenset()
