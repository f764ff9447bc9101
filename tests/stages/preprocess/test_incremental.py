"""One new image costs one image: what the stage decodes, takes from its cache, and takes from earlier outputs."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cxr.core.errors import UserError
from cxr.core.files import CHECKSUMS, canonical_json
from cxr.data import shards
from cxr.imaging.decode import decode
from stages.preprocess.image_cache import ImageCache
from stages.preprocess.run import preprocess
from tests.fixtures.made_images import chunk
from tests.fixtures.toy_set import Toy, processed


def from_nothing(toy: Toy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, bytes]:
    """What a full run with an empty cache and no earlier output makes."""
    delete_output()
    with monkeypatch.context() as patch:
        patch.setenv("CXR_CACHE", str(tmp_path / "empty-cache"))
        assert toy.run()["decoded"] == len(toy.rows)
    return processed()


def delete_output() -> None:
    """As DVC does before a stage's command runs."""
    for path in Path("data/processed").iterdir():
        path.unlink()
    Path("data/processed").rmdir()


def bucket_file(toy: Toy, name: str) -> str:
    """The shard in which a file's image lies."""
    return shards.bucket_name(shards.bucket_of(str(toy.rows[name]["image_id"]), 4))


def rewritten(before: dict[str, bytes]) -> set[str]:
    """Names of the shards whose bytes are other ones now, or that are new or gone."""
    now = processed()
    return {
        name for name in before.keys() | now.keys() if before.get(name) != now.get(name) and name.startswith("bucket-")
    }


def entries() -> list[Path]:
    """Files of the per-image cache."""
    return sorted(p for p in Path(".cache/preprocess/images").rglob("*") if p.is_file())


def test_the_first_run_decodes_all_and_the_second_none(toy: Toy) -> None:
    assert toy.run() == {"images": 12, "decoded": 12, "shards_rewritten": 4}
    first = processed()
    delete_output()
    assert toy.run() == {"images": 12, "from_cache": 12, "shards_rewritten": 4}
    assert processed() == first


def test_added_images_are_decoded_alone_and_only_their_buckets_rewritten(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    toy.run()
    before = processed()
    toy.add(100)
    changed = shards.bucket_of(str(toy.rows["0100.png"]["image_id"]), 4)
    neighbours = len(shards.plan([str(r["image_id"]) for r in toy.rows.values()], 4)[changed]) - 1
    assert toy.run() == {
        "images": 13,
        "decoded": 1,
        "from_cache": neighbours,
        "from_previous_output": 12 - neighbours,
        "shards_rewritten": 1,
        "shards_unchanged": 3,
    }
    assert rewritten(before) == {bucket_file(toy, "0100.png")}
    toy.add(101, 102, 103)
    assert toy.run()["decoded"] == 3
    incremental = processed()
    assert incremental == from_nothing(toy, monkeypatch, tmp_path)


def test_removing_and_relabelling_decode_nothing(toy: Toy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    toy.run()
    before, expected = processed(), {bucket_file(toy, "0003.png")}
    del toy.rows["0003.png"]
    toy.rows["0004.png"]["label_ill"] = 1
    counts = toy.run()
    assert "decoded" not in counts and counts["shards_rewritten"] == 1
    assert rewritten(before) == expected
    assert processed() == from_nothing(toy, monkeypatch, tmp_path)


def test_one_changed_pixel_decodes_one_image(toy: Toy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    toy.run()
    before, expected = processed(), {bucket_file(toy, "0005.png")}
    pixels = decode((toy.batch / "0005.png").read_bytes(), 10**6).pixels.copy()
    pixels[0, 0] ^= 1
    toy.write("0005.png", pixels)
    counts = toy.run()
    expected |= {bucket_file(toy, "0005.png")}  # another image: another id, so it may lie elsewhere
    assert counts["decoded"] == 1 and counts["shards_rewritten"] == len(expected)
    assert rewritten(before) == expected
    assert processed() == from_nothing(toy, monkeypatch, tmp_path)


def test_another_clip_limit_redoes_all_and_the_old_one_is_still_cached(toy: Toy) -> None:
    toy.run()
    first = processed()
    toy.section["clahe"] = {"clip_limit": 3.0, "tiles": 2}
    assert toy.run()["decoded"] == 12
    assert processed() != first
    toy.section["clahe"] = {"clip_limit": 2.0, "tiles": 2}
    assert toy.run() == {"images": 12, "from_cache": 12, "shards_rewritten": 4}
    assert processed() == first


def test_the_same_pixels_by_other_bits_or_turned_are_another_image_in_the_cache_and_in_earlier_shards(toy: Toy) -> None:
    deep = (np.random.default_rng(9).integers(0, 900, (30, 40))).astype(np.uint16)
    toy.write("deep.png", deep)
    toy.rows["deep.png"] |= {"stored_bits": 16, "bit_depth": 10}
    toy.run()
    first = shards.Shards().images([toy.rows["deep.png"]["image_id"]])
    data = (toy.batch / "deep.png").read_bytes()
    said = data[:33] + chunk(b"sBIT", bytes([12])) + data[33:]
    (toy.batch / "deep.png").write_bytes(said)
    toy.rows["deep.png"] |= {"bit_depth": 12, "sha256": hashlib.sha256(said).hexdigest()}
    assert toy.run()["decoded"] == 1
    assert not np.array_equal(first, shards.Shards().images([toy.rows["deep.png"]["image_id"]]))
    shutil.rmtree(".cache")
    assert "decoded" not in toy.run()


def test_another_number_of_buckets_decodes_nothing(toy: Toy) -> None:
    toy.run()
    toy.section["buckets"] = 2
    assert toy.run() == {"images": 12, "from_cache": 12, "shards_rewritten": 2}


@pytest.mark.parametrize("damage", ["flipped", "cut off", "another's"])
def test_a_damaged_cache_entry_is_made_again_and_said(toy: Toy, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    toy.run()
    first = processed()
    victim, other = entries()[:2]
    content = bytearray(victim.read_bytes())
    content[5] ^= 255
    victim.write_bytes({"flipped": bytes(content), "cut off": b"abc", "another's": other.read_bytes()}[damage])
    delete_output()
    assert toy.run()["decoded"] == 1
    assert victim.name in caplog.text
    assert processed() == first
    delete_output()
    assert "decoded" not in toy.run()


def test_a_damaged_earlier_shard_is_not_used(toy: Toy, caplog: pytest.LogCaptureFixture) -> None:
    toy.run()
    first = processed()
    path = next(Path("data/processed").glob("bucket-*.npy"))
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    counts = toy.run()
    assert counts["shards_rewritten"] == 1 and counts["shards_unchanged"] == 3 and "decoded" not in counts
    assert path.name in caplog.text
    assert processed() == first


def test_the_least_recently_used_entries_go_first_but_none_that_the_run_needs(toy: Toy) -> None:
    toy.run()
    old = entries()
    toy.section["clahe"] = {"clip_limit": 3.0, "tiles": 2}
    toy.section["cache_gigabytes"] = 12 * 4096 / 1e9
    assert toy.run()["decoded"] == 12
    assert len(entries()) == 12 and not set(old) & set(entries())
    toy.section["cache_gigabytes"] = 5 * 4096 / 1e9
    toy.add(50)
    delete_output()
    assert toy.run() == {"images": 13, "decoded": 1, "from_cache": 12, "shards_rewritten": 4}
    assert len(entries()) == 5


def test_the_number_of_processes_does_not_change_a_byte(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.add(*range(200, 260))
    toy.run()
    first = processed()
    delete_output()
    monkeypatch.setenv("CXR_CACHE", "other-cache")
    monkeypatch.setenv("CXR_WORKERS", "2")
    assert toy.run()["decoded"] == 72
    assert processed() == first


TOGETHER = """
import sys, time
from pathlib import Path
from cxr.params import load
from stages.preprocess.image_cache import ImageCache
from stages.preprocess.run import preprocess
trim, until = ImageCache.trim, time.monotonic() + 120
def beside_the_other(cache, *given):  # both have looked what is there before either writes
    Path("at-work").touch()
    while not all(Path(f"../{name}/at-work").exists() for name in ("one", "two")) and time.monotonic() < until:
        time.sleep(0.001)
    return trim(cache, *given)
ImageCache.trim = beside_the_other
began = time.monotonic()
preprocess(load())
Path("times").write_text(f"{began} {time.monotonic()}")
"""


def test_two_processes_share_one_cache_even_while_it_is_cut_back(toy: Toy, tmp_path: Path, root: Path) -> None:
    toy.add(*range(300, 340))
    toy.section["cache_gigabytes"] = 10 * 4096 / 1e9
    settings = {**os.environ, "PYTHONPATH": str(root), "CXR_CACHE": str(tmp_path / "shared-cache")}
    running = []
    for name in ("one", "two"):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "data/raw").symlink_to(tmp_path / "data/raw")
        toy.write_manifest(tmp_path / name)
        toy.write_params(tmp_path / name)
        running.append(subprocess.Popen([sys.executable, "-c", TOGETHER], cwd=tmp_path / name, env=settings))
    assert [process.wait() for process in running] == [0, 0]
    times = [[float(t) for t in (tmp_path / name / "times").read_text().split()] for name in ("one", "two")]
    assert max(began for began, _ in times) < min(ended for _, ended in times)  # they ran side by side
    assert sum(p.stat().st_blocks * 512 for p in (tmp_path / "shared-cache").rglob("*") if p.is_file()) <= 10 * 4096
    checksums = {(tmp_path / name / "data/processed" / CHECKSUMS).read_text() for name in ("one", "two")}
    toy.run()
    assert checksums == {(Path("data/processed") / CHECKSUMS).read_text()}


def test_what_another_process_is_writing_is_not_cut_back(tmp_path: Path) -> None:
    cache = ImageCache(tmp_path, "recipe", (2, 2, 1))
    cache.put("aa00", np.zeros((2, 2, 1), np.uint8))
    written = tmp_path / "recipe/aa/aa11.4242.part"
    written.write_bytes(b"half")
    cache.trim(0)
    assert [p.name for p in tmp_path.rglob("aa*.*")] == [written.name] and cache.ids() == set()
    os.utime(written, (0, 0))
    cache.trim(0)
    assert not written.exists()


def test_a_file_that_is_not_the_manifests_is_refused_by_name(toy: Toy) -> None:
    toy.rows["0007.png"]["sha256"] = "0" * 64
    with pytest.raises(UserError, match=r"batch-001/0007\.png.*SHA-256"):
        toy.run()
    assert not Path("data/processed").exists()


def test_what_was_done_before_a_failure_is_not_done_again(toy: Toy) -> None:
    ids = {name: str(row["image_id"]) for name, row in toy.rows.items()}
    last = max(ids, key=lambda name: (shards.bucket_of(ids[name], 4), ids[name]))
    right, toy.rows[last]["sha256"] = toy.rows[last]["sha256"], "0" * 64
    with pytest.raises(UserError):
        toy.run()
    done = len(entries())
    toy.rows[last]["sha256"] = right
    assert done == 11 and toy.run()["decoded"] == 1


@pytest.mark.parametrize("full", ["pathlib.Path.write_bytes", "numpy.lib.format.write_array_header_1_0"])
def test_a_full_disk_is_said_by_name_and_leaves_no_output(toy: Toy, full: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "x")

    toy.write_manifest()
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left") as caught:
        patch.setattr(full, refuse)
        preprocess(toy.params())
    assert "processed" in str(caught.value.filename) or "preprocess" in str(caught.value.filename)
    assert [p.name for p in sorted(Path("data").iterdir())] == ["manifest.parquet", "raw"]
    assert not list(Path(".cache").rglob("*.part"))


def test_the_output_is_what_the_next_stages_read(toy: Toy) -> None:
    toy.run()
    read = shards.Shards()
    assert len(read) == 12 and read.image_shape == (16, 16, 1)
    chain = json.loads(Path("data/processed/chain.json").read_text())
    assert chain == {"size": 16, "clip_limit": 2.0, "tiles": 2, "channels": 1, "level_bits": [10, 12, 14, 16]}
    assert CHECKSUMS in processed() and canonical_json(chain).encode() == processed()["chain.json"]
