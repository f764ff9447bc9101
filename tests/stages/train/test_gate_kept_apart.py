"""Gate patients take no part in making a model: with other pixels and other labels of theirs, the same model comes out.

Early stopping, calibration, operating points, the drift reference, pruning and the choice of variant: all of train and
compress run twice, on made-up images.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from cxr.core.files import sha256_file, write_json
from cxr.data import manifest, shards
from cxr.params import load
from stages.compress import run as compress
from stages.train import run as train
from tests.fixtures import made_up_project as made

TRACES = ("data_hash", "split", "code_version", "parent")  # what a card says of the data as a whole


def project(folder: Path, monkeypatch: pytest.MonkeyPatch, garble: str = "") -> dict[str, object]:
    """Run train and compress in `folder`, with the rows of `garble` (a split, or "gate") made into something else."""
    made.write_data(folder)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["train"] |= {"epochs": 4, "patience": 2}
    params["compress"] |= {"variants": ["int8"], "uint8_output": False}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    if garble:
        _garble(folder, garble)
    write_json(folder / "models/scratch.json", {})
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CXR_CACHE", str(folder / "cache"))
    train.main(load())
    if garble != "validation":
        compress.main(load())
    return made_of(folder)


def _garble(folder: Path, which: str) -> None:
    """Black pixels and turned labels for the gate studies, or for as many of the other validation studies."""
    path, random = folder / "data/manifest.parquet", np.random.default_rng(3)
    whole = manifest.read(path)
    table = whole.table.copy()
    rows = table["gate"] & (table["split"] == "validation")
    assert rows.sum() == 10, "gate patients in the made-up set"
    if which != "gate":
        rows = (table["split"] == which) & ~rows & (np.arange(len(table)) % 4 == 0)
    table.loc[rows, whole.label_columns] = 1 - table.loc[rows, whole.label_columns]
    manifest.write(path, manifest.Manifest(whole.head, table))
    processed = folder / "data/processed"
    read, hit = shards.Shards(processed), set(table["image_id"][rows])
    for bucket, ids in shards.plan(read.image_ids(), 4).items():
        images = [random.integers(0, 5, read.image_shape, dtype=np.uint8) if i in hit else read.image(i) for i in ids]
        shards.write_bucket(processed, bucket, np.stack(images))
    shards.finish(processed, read.image_ids(), 4)


def made_of(folder: Path) -> dict[str, object]:
    """All that the two stages made, but for what names the data as a whole."""
    models = sorted([folder / "models/base", *(folder / "models/compressed").glob("*")])
    files = {
        path.relative_to(folder).as_posix(): sha256_file(path)
        for model in models
        for path in model.iterdir()
        if path.name not in ("card.json", "SHA256SUMS")
    }
    cards = {
        model.name: {
            name: value for name, value in json.loads((model / "card.json").read_text()).items() if name not in TRACES
        }
        for model in models
    }
    figures = {path.stem: json.loads(path.read_text()) for path in (folder / "metrics").glob("*.json")}
    return {
        "files": files,
        "cards": cards,
        "chosen": figures.get("compress", {}).get("chosen"),
        "train": figures["train"],
    }


def test_gate_patients_decide_nothing_of_a_model_and_the_other_validation_patients_do(tmp_path, monkeypatch):
    plain = project(tmp_path / "plain", monkeypatch)
    assert set(plain["cards"]) == {"base", "int8"}
    assert project(tmp_path / "gate", monkeypatch, garble="gate") == plain
    other = project(tmp_path / "validation", monkeypatch, garble="validation")
    assert other["cards"]["base"] != plain["cards"]["base"] and other["train"]["best"] != plain["train"]["best"]
