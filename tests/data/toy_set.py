"""A small set of images in a working folder, with the manifest that ingest would write: for tests of preprocess."""
import hashlib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import yaml

from stages import manifest
from stages.images.decode import decode, image_id
from stages.params.schema import Params
from stages.preprocess.run import preprocess

INGEST = {"set": "toy", "layout": "folder", "task": "binary", "labels": ["ill"], "negative": "well",
          "salt_fingerprint": "000000000000"}
SECTION = {"size": 16, "clahe": {"clip_limit": 2.0, "tiles": 2}, "buckets": 4, "cache_gigabytes": 1.0}


class Toy:
    """A set of small images in a folder of its own, with the manifest that ingest would write."""

    def __init__(self, top: Path, **section: object) -> None:
        """An empty set below `top`; `section` goes before SECTION's parameters."""
        self.batch = top / "data/raw/toy/batch-001"
        self.batch.mkdir(parents=True)
        self.rows: dict[str, dict[str, object]] = {}
        self.section: dict[str, object] = {**SECTION, **section}

    def add(self, *seeds: int) -> None:
        """One image a seed, 40 x 30 pixels; drawn so that those of seeds 0 to 11 lie in all four buckets."""
        for seed in seeds:
            pixels = np.random.default_rng([2, seed]).integers(0, 256, (30, 40), np.uint8)
            self.write(f"{seed:04d}.png", pixels)

    def write(self, name: str, pixels: np.ndarray) -> None:
        """Write a file and its row of the manifest."""
        data = cv2.imencode(".png", pixels)[1].tobytes()
        (self.batch / name).write_bytes(data)
        self.rows[name] = {
            "image_id": image_id(decode(data, 10**8)), "patient": "p", "study": "s", "view": "", "sex": "",
            "age": np.nan, "batch": "batch-001", "source": name, "sha256": hashlib.sha256(data).hexdigest(),
            "width": pixels.shape[1], "height": pixels.shape[0], "bit_depth": 8,
            **dict.fromkeys(manifest.STATISTICS, 1.0), "boxes": "[]", "split": "train", "gate": False, "label_ill": 0,
        }

    def write_manifest(self, top: Path = Path()) -> None:
        """Write `data/manifest.parquet`."""
        head = manifest.Head("toy", "binary", ("ill",))
        manifest.write(top / "data/manifest.parquet", manifest.Manifest(head, pd.DataFrame(list(self.rows.values()))))

    def write_params(self, top: Path = Path()) -> None:
        """Write `params.yaml`, every key in it."""
        (top / "params.yaml").write_text(yaml.safe_dump(self.params().model_dump(mode="json", by_alias=True)))

    def params(self) -> Params:
        """Parameters with this set's section `preprocess`."""
        return Params.model_validate({"ingest": INGEST, "preprocess": self.section})

    def run(self) -> dict[str, int]:
        """Write the manifest and run the stage here; its counts without the zeros."""
        self.write_manifest()
        counts = preprocess(self.params())
        return {name: count for name, count in counts.items() if count}
