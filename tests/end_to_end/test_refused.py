"""A shard or model file whose bytes are not the recorded ones is refused by name by every stage that reads it."""

import sys

import pandas as pd
import pytest

from tests.fixtures.workspace import Workspace

SLOW = pytest.mark.slow
CASES = [
    ("data/processed/bucket-TEST.npy", "evaluate"),
    ("models/base/model.tflite", "evaluate"),
    pytest.param("data/processed/bucket-000.npy", "train", marks=SLOW),
    pytest.param("data/processed/index.parquet", "train", marks=SLOW),
    pytest.param("models/compressed/int8/model.tflite", "evaluate", marks=SLOW),
    pytest.param("models/compressed/int8/weights.npz", "explain", marks=SLOW),
    pytest.param("data/processed/bucket-000.npy", "compress", marks=SLOW),
    pytest.param("models/base/weights.npz", "compress", marks=SLOW),
    pytest.param("models/base/card.json", "compress", marks=SLOW),  # last: it has removed its outputs by then
]


@pytest.fixture(scope="module")
def copied(unhurt, tmp_path_factory):
    """A copy of the finished workspace, without its caches."""
    return Workspace.copy_of(unhurt, tmp_path_factory.mktemp("refused") / "w")


def bucket_of_a_test_image(workspace):
    manifest = pd.read_parquet(workspace.folder / "data/manifest.parquet", columns=["image_id", "split"])
    index = pd.read_parquet(workspace.folder / "data/processed/index.parquet").merge(manifest, on="image_id")
    return int(index[index["split"] == "test"]["bucket"].iloc[0])


@pytest.mark.parametrize(("name", "stage"), CASES)
def test_one_changed_byte_is_refused_by_name(copied, name, stage):
    name = name.replace("TEST", f"{bucket_of_a_test_image(copied):03d}")  # a stage checks the shards that it reads
    path = copied.folder / name
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        done = copied.run(sys.executable, "-m", f"stages.{stage}", check=False)
    finally:
        path.write_bytes(whole)
    assert done.returncode == 1
    said = [line for line in done.stderr.splitlines() if "SHA-256" in line]
    assert len(said) == 1 and said[0].startswith(f"{stage}: ") and name in said[0]
    assert "Traceback" not in done.stderr
