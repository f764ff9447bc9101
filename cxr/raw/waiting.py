"""Looks at a folder that waits to become a batch: what it is, how many labelled images, how many of them are new."""
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from cxr.core.files import SEAL, sha256_file
from cxr.raw.names import MEMBERS, is_image, table_of
from cxr.raw.packing import listing
from cxr.raw.recognise import class_of, layout_of


@dataclass(frozen=True)
class Looked:
    """`labelled`: images that a table names or that stand in a class folder; `new`: those of them that the set's
    manifest does not hold; `digest`: SHA-256 over names and contents."""

    layout: str
    files: int
    images: int
    labelled: int
    new: int
    digest: str

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def look(source: Path, known: frozenset[str] = frozenset()) -> Looked:
    """Look at a folder; `known` are SHA-256 of image files that the set holds. BatchError as `add` raises it."""
    names = [name for name in listing(source)[0] if name not in (SEAL, MEMBERS)]
    layout = layout_of(names, str(source))
    hashes = {name: sha256_file(source / name) for name in names}
    images = [name for name in names if is_image(name)]
    listed = _listed(source, names)
    labelled = [name for name in images if _is_labelled(name, layout, listed)]
    digest = sha256("".join(f"{sha}  {name}\n" for name, sha in sorted(hashes.items())).encode()).hexdigest()
    new = {hashes[name] for name in labelled} - known
    return Looked(layout, len(names), len(images), len(labelled), len(new), digest)


def known_images(manifest: Path) -> frozenset[str]:
    """SHA-256 of the files in a manifest; none where there is no such file."""
    return frozenset(pd.read_parquet(manifest, columns=["sha256"])["sha256"]) if manifest.exists() else frozenset()


def _is_labelled(name: str, layout: str, listed: frozenset[str]) -> bool:
    return PurePosixPath(name).name in listed if layout == "nih" else bool(class_of(name)[0])


def _listed(source: Path, names: Sequence[str]) -> frozenset[str]:
    """Image names in the first column of the Data_Entry tables."""
    tables = [pd.read_csv(source / name, usecols=[0], dtype=str) for name in table_of(list(names))]
    return frozenset(str(value) for table in tables for value in table.iloc[:, 0])
