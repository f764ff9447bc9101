"""A finished pipeline in a folder, with a champion in production: what the gate reads, of images made up."""
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import scored_place as made
import tiny_nets
import yaml

from stages import manifest, modelfolder, production, shards
from stages.artifacts import write_json
from stages.images.chain import Chain, apply
from stages.images.decode import decode, image_id
from stages.inference import Net

LABELS, BATCHES = tuple(made.LABELS), ("batch-001", "batch-002")
GATE, TEST, TRAIN = 160, 40, 10  # studies; every other one of batch-002
CHALLENGER = Path("models/compressed/int8")


def make(folder: Path, root: Path, *, better: str = "challenger", chain: Chain = made.CHAIN) -> pd.DataFrame:
    """The project, in which one of the two models tells the truth (as well as labels drawn by its own probabilities
    allow) and the other does not; `chain` is the champion's preprocessing. The manifest's table."""
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["retrain"]["gate"] |= {"bootstrap": 200, "latency_images": 5, "latency_ratio": 1000.0}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    sources = _images(folder / "data/raw/toy")
    decoded = {name: decode(data, 10**6) for name, data in sources.items()}
    rows = [_row(number, name, decoded[name]) for number, name in enumerate(sources)]
    inputs = {side: np.stack([apply(each, decoded[name]) for name in sources])
              for side, each in (("champion", chain), ("challenger", made.CHAIN))}
    _shards(folder / "data/processed", dict(zip([row["image_id"] for row in rows], inputs["challenger"], strict=True)))
    folders = {"champion": folder / "old", "challenger": folder / CHALLENGER}
    truth = np.zeros((len(rows), len(LABELS)), np.float32)
    for seed, (side, place) in enumerate(folders.items(), 1):
        card = tiny_nets.card(list(LABELS)) | {"preprocessing": (chain if side == "champion" else made.CHAIN).to_dict()}
        _model(place, card, seed)
        logits = Net(place).logits(inputs[side])
        spread = logits.std(axis=0)
        card["calibration"] = {"method": "platt", "a": (2 / spread).tolist(),
                               "b": (-2 * logits.mean(axis=0) / spread).tolist()}
        _model(place, card, seed)
        if side == better:
            truth = tiny_nets.targets_of(logits, "multilabel")
    table = pd.DataFrame(rows).assign(**{f"label_{label}": truth[:, i].astype(int) for i, label in enumerate(LABELS)})
    manifest.write(folder / "data/manifest.parquet",
                   manifest.Manifest(manifest.Head("toy", "multilabel", LABELS), table))
    write_json(folder / "metrics/compress.json", {"chosen": {"name": "int8"}})
    production.install(folder / "production", folders["champion"], "v0.0.1", "c" * 40, None, batches=BATCHES[:1])
    return table


def _images(raw: Path) -> dict[str, bytes]:
    """Files in two batches; their bytes by name."""
    found = {}
    for number in range(GATE + TEST + TRAIN):
        path = raw / BATCHES[number % 2] / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        found[path.name] = made.png(number)
        path.write_bytes(found[path.name])
    return found


def _row(number: int, name: str, decoded: object) -> dict[str, object]:
    split = "validation" if number < GATE else "test" if number < GATE + TEST else "train"
    return {"image_id": image_id(decoded), "patient": f"p{number // 4}", "study": name, "view": "PA", "sex": "",
            "age": np.nan, "batch": BATCHES[number % 2], "source": name, "sha256": "0" * 64, "width": 40, "height": 40,
            "bit_depth": 8, **dict.fromkeys(manifest.STATISTICS, 0.0), "boxes": "[]", "split": split,
            "gate": split == "validation"}


def _shards(folder: Path, images: dict[str, np.ndarray]) -> None:
    folder.mkdir(parents=True)
    for bucket, ids in shards.plan(list(images), 4).items():
        shards.write_bucket(folder, bucket, np.stack([images[i] for i in ids]))
    (folder / "chain.json").write_text(json.dumps(made.CHAIN.to_dict()))
    shards.finish(folder, list(images), 4)


def _model(folder: Path, card: dict[str, object], seed: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    modelfolder.write(folder, spec={}, weights=[], card=card, tflite=tiny_nets.flatbuffer("int8", len(LABELS), seed))
