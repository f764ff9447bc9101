"""The presets for sets that can't be downloaded here, on made-up miniatures of them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxr.core import files
from cxr.data import manifest, shards
from cxr.model import model_folder
from cxr.params import preset
from stages.ingest import facts
from stages.ingest.run import ingest
from stages.preprocess.run import preprocess
from stages.train import run as train
from stages.validate.run import validate

TRAIN, TEST = 40, 4  # images of each digit


def digit(number: int, seed: int) -> np.ndarray:
    """A white digit on black, uint8 (28, 28), somewhere near the middle, with noise that no other seed gives."""
    random = np.random.default_rng([number, seed])
    image = random.integers(0, 30, (28, 28)).astype(np.uint8)
    place = (int(random.integers(3, 8)), int(random.integers(22, 26)))
    return cv2.putText(image, str(number), place, cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2, cv2.LINE_AA)


@pytest.fixture
def miniature(tmp_path, root, monkeypatch):
    """A working folder with a checksummed batch of 440 digits in MNIST's class folders; the preset's parameters."""
    batch = tmp_path / "data/raw/mnist/batch-001"
    for split, count, first in (("train", TRAIN, 0), ("test", TEST, 1000)):
        for number in range(10):
            folder = batch / split / str(number)
            folder.mkdir(parents=True)
            for seed in range(first, first + count):
                cv2.imwrite(str(folder / f"{number}-{seed}.png"), digit(number, seed))
    files.write_checksums(batch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CXR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(facts, "map_unordered", lambda function, items, processes: enumerate(map(function, items)))
    return preset.params(root / "presets/mnist.yaml")


def test_mnist_comes_in_by_its_class_folders_is_valid_and_is_learnt(miniature):
    ingest(miniature)
    validate(miniature)
    preprocess(miniature)
    data, images = manifest.read(), shards.Shards()
    assert (data.head.task, data.head.labels) == ("multiclass", tuple("0123456789"))
    assert data.table["split"].eq("test").sum() == 10 * TEST
    assert data.table["source"].str.startswith("test/").eq(data.table["split"] == "test").all()
    assert 0 < data.table["split"].eq("validation").sum() < 80
    assert data.targets().sum(axis=0).tolist() == [TRAIN + TEST] * 10
    assert images.image_shape == (28, 28, 1)
    one = data.table.iloc[0]
    written = cv2.imread(f"data/raw/mnist/batch-001/{one['source']}", cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(images.image(one["image_id"])[..., 0], written)  # 28 pixels, no CLAHE: as it came
    short = miniature.train.model_copy(update={"epochs": 3, "batch_size": 10})
    train.main(miniature.model_copy(update={"train": short}))
    figures = json.loads(Path("metrics/train.json").read_text())
    assert model_folder.read_card(Path("models/base")).labels == list("0123456789")
    assert figures["best"]["val_auroc"] > 0.7
