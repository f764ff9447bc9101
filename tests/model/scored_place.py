"""A project in a folder of its own with a tiny net in production and image files to score, for tests of scoring."""
import shutil
from pathlib import Path

import cv2
import numpy as np
import tiny_nets
import yaml

from stages import modelfolder, production
from stages.images.chain import Chain

LABELS = ["Effusion", "Mass", "Nodule"]
CHAIN = Chain.from_dict({"channels": 1, "size": tiny_nets.SIDE, "clip_limit": 2.0, "tiles": 2})


def model(folder: Path, slope: float = 1.0) -> Path:
    """A model folder; another slope of its calibration makes it another model."""
    card = tiny_nets.card(LABELS) | {"preprocessing": CHAIN.to_dict()}
    card["calibration"]["a"] = [slope] * len(LABELS)
    modelfolder.write(folder, spec={}, weights=[], card=card, tflite=tiny_nets.flatbuffer("int8", len(LABELS)))
    return folder


def make(folder: Path, root: Path) -> Path:
    """params.yaml (parts of the log every 50 ms, small batches) and model v1 in production; the folder."""
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["score"] |= {"batch_size": 4, "part_seconds": 0.05, "max_file_bytes": 1 << 20, "http_images": 4}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    release(folder, "v1", 1.0)
    return folder


def release(folder: Path, version: str, slope: float) -> production.Release:
    """Put a model with this slope into production."""
    shutil.rmtree(folder / "model", ignore_errors=True)
    return production.install(folder / "production", model(folder / "model", slope), version, "", None)


def pixels(seed: int, side: int = 40) -> np.ndarray:
    """Smooth grey pixels that no other seed gives, uint8 (side, side)."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 5)).astype(np.uint8)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)


def png(seed: int, side: int = 40) -> bytes:
    """The same as a PNG file."""
    return cv2.imencode(".png", pixels(seed, side))[1].tobytes()


def files(folder: Path, seeds: range) -> list[Path]:
    """A PNG file for each seed."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [folder / f"{seed:04d}.png" for seed in seeds]
    for seed, path in zip(seeds, made, strict=True):
        path.write_bytes(png(seed))
    return made
