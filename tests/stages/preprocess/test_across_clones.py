"""What another machine has done is not done again: earlier shards by dvc.lock, from DVC's cache or remote."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.fixtures.dvc_records import command, configure, record_folder, store
from tests.fixtures.toy_set import Toy

PIPELINE = {
    "stages": {
        "preprocess": {
            "cmd": f"{sys.executable} -m stages.preprocess",
            "deps": ["data/manifest.parquet", "data/raw/toy"],
            "params": ["preprocess"],
            "outs": ["data/processed"],
        }
    }
}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A set of 12 images in the clone `first`, processed, with an empty per-image cache afterwards."""
    monkeypatch.setenv("CXR_WORKERS", "1")
    monkeypatch.delenv("CXR_CACHE", raising=False)
    clone = tmp_path / "first"
    clone.mkdir()
    monkeypatch.chdir(clone)
    made = Toy(clone)
    made.add(*range(12))
    return made


def record(cache: Path) -> dict[str, str]:
    """Do what `dvc commit` does with data/processed, then empty the per-image cache; file name to MD5."""
    return record_folder(cache, "preprocess", Path("data/processed"))


def test_shards_in_dvcs_cache_spare_the_decoding(toy: Toy) -> None:
    configure()
    toy.run()
    record(Path(".dvc/cache"))
    toy.add(100, 101)
    counts = toy.run()
    assert counts["decoded"] == 2 and counts["from_previous_output"] == 12 and counts["shards_unchanged"] >= 2


def test_shards_in_the_default_remote_spare_the_decoding(toy: Toy, tmp_path: Path) -> None:
    configure(
        f"[core]\n    remote = shared\n['remote \"shared\"']\n    url = {tmp_path / 'remote'}\n"
        "[cache]\n    dir = ../../elsewhere\n"
    )
    toy.run()
    record(tmp_path / "remote")
    toy.add(100)
    assert toy.run()["decoded"] == 1
    assert not list(Path(".cache/preprocess/fetched").rglob("*.npy"))


def test_a_damaged_object_is_said_and_its_images_decoded(toy: Toy, caplog: pytest.LogCaptureFixture) -> None:
    configure()
    toy.run()
    md5s = record(Path(".dvc/cache"))
    name = next(name for name in md5s if name.startswith("bucket-"))
    store(Path(".dvc/cache"), md5s[name], b"damaged")
    counts = toy.run()
    assert counts["decoded"] + counts["from_previous_output"] == 12 and counts["shards_unchanged"] == 3
    assert md5s[name][2:] in caplog.text


@pytest.mark.parametrize("config", ["", "[core]\n    remote = gone\n['remote \"gone\"']\n    url = /nowhere/at/all\n"])
def test_without_a_remote_everything_is_decoded(toy: Toy, config: str) -> None:
    configure(config)
    toy.run()
    record(Path("not-dvcs-cache"))
    assert toy.run() == {"images": 12, "decoded": 12, "shards_rewritten": 4}


def test_shards_of_another_clip_limit_are_not_used(toy: Toy) -> None:
    configure()
    toy.run()
    record(Path(".dvc/cache"))
    toy.section["clahe"] = {"clip_limit": 3.0, "tiles": 2}
    assert toy.run()["decoded"] == 12


@pytest.mark.slow
def test_a_second_clone_that_shares_only_the_remote_decodes_the_new_batch_alone(
    toy: Toy, tmp_path: Path, root: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    toy.write_manifest()
    toy.write_params()
    Path("dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    Path(".gitignore").write_text("/.cache\n/.runs\n__pycache__\n")
    for words in (
        "git init -q -b main",
        "dvc init -q",
        f"dvc remote add -q -d shared {tmp_path / 'remote'}",
        "dvc repro -q",
        "git add .",
        "git commit -qm first",
        "dvc push -q",
        f"git clone -q . {second}",
    ):
        command(first, *words.split(), root=root)
    toy.batch = second / toy.batch.relative_to(first)
    toy.add(100, 101, 102)
    toy.write_manifest(second)
    for again, decoded in (("", 3), ("-f", 0)):
        command(second, *f"dvc repro -q {again}".split(), root=root)
        counts = json.loads((second / ".runs/preprocess.json").read_text())
        assert counts["decoded"] == decoded and counts["images"] == 15
    incremental = {p.name: p.read_bytes() for p in (second / "data/processed").iterdir()}
    shutil.copytree(second / "data/raw", first / "data/raw", dirs_exist_ok=True)
    shutil.copy(second / "data/manifest.parquet", first / "data/manifest.parquet")
    os.environ["CXR_CACHE"] = str(tmp_path / "empty")
    try:
        Path("dvc.lock").unlink()
        shutil.rmtree(".dvc/cache")
        command(first, "git", "commit", "-qam", "no lock", root=root)
        command(first, "dvc", "repro", "-q", root=root)
    finally:
        del os.environ["CXR_CACHE"]
    assert json.loads(Path(".runs/preprocess.json").read_text())["decoded"] == 15
    assert {p.name: p.read_bytes() for p in Path("data/processed").iterdir()} == incremental
