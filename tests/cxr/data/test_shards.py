"""Shards: buckets by the image's hash, rows sorted, every byte under a checksum."""

from pathlib import Path

import numpy as np
import pytest

from cxr.core.errors import HashMismatch
from cxr.data import shards

IDS = [f"{number * 2654435761 % 2**32:08x}{number:024x}" for number in range(20)]


def written(folder: Path, ids: list[str], buckets: int = 4) -> Path:
    """A folder of shards in which an image's pixels are its number."""
    for bucket, members in shards.plan(ids, buckets).items():
        images = np.stack([np.full((2, 3, 1), int(image_id[8:], 16), np.uint8) for image_id in members])
        shards.write_bucket(folder, bucket, images)
    shards.finish(folder, ids, buckets)
    return folder


def test_images_come_back_in_the_order_asked(tmp_path: Path) -> None:
    read = shards.Shards(written(tmp_path, IDS))
    assert len(read) == 20 and read.image_shape == (2, 3, 1) and read.image_ids() == sorted(IDS)
    assert read.images([IDS[7], IDS[0], IDS[7]])[:, 0, 0, 0].tolist() == [7, 0, 7]
    assert [len(part) for part in read.minibatches(IDS, 8)] == [8, 8, 4]
    assert IDS[3] in read and "f" * 32 not in read
    with pytest.raises(KeyError):
        read.image("f" * 32)


def test_the_order_of_the_ids_does_not_change_a_byte(tmp_path: Path) -> None:
    one, two = written(tmp_path / "one", IDS), written(tmp_path / "two", IDS[::-1])
    assert {p.name: p.read_bytes() for p in one.iterdir()} == {p.name: p.read_bytes() for p in two.iterdir()}


def test_an_added_image_changes_its_own_bucket_alone(tmp_path: Path) -> None:
    before, after = written(tmp_path / "one", IDS[:-1]), written(tmp_path / "two", IDS)
    changed = {p.name for p in after.glob("bucket-*") if p.read_bytes() != (before / p.name).read_bytes()}
    assert changed == {shards.bucket_name(shards.bucket_of(IDS[-1], 4))}


@pytest.mark.parametrize("name", [shards.INDEX, "bucket-000.npy"])
def test_a_file_whose_bytes_changed_is_refused_by_name(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, IDS) / name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(HashMismatch, match=name):
        shards.Shards(tmp_path).images(IDS)


def test_a_shard_without_a_checksum_is_refused_by_name(tmp_path: Path) -> None:
    sums = written(tmp_path, IDS) / "SHA256SUMS"
    sums.write_text("".join(line for line in sums.read_text().splitlines(True) if "bucket-001" not in line))
    with pytest.raises(HashMismatch, match=r"bucket-001\.npy"):
        shards.Shards(tmp_path).images(IDS)
