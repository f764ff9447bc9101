"""`cxr batch list`: what a set holds, and what a key of an output stands for."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from cxr.raw import add as adding
from cxr.raw import packing, private_names
from cxr.raw.add import add
from cxr.raw.command import main
from cxr.raw.private_names import PrivateName
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import batch, folder_files, nih_files, put

SET = Path("data/raw/made")
pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture(autouse=True)
def without_dvc(monkeypatch):
    """DVC left out."""
    pointer = "outs:\n- md5: 1\n"
    monkeypatch.setattr(adding, "_dvc_add", lambda folder: folder.with_name(folder.name + ".dvc").write_text(pointer))


def test_batches_are_listed_with_what_they_hold(capsys):
    put(Path("one"), nih_files(2))
    put(Path("two"), folder_files())
    checksums = []
    for name in ("one", "two"):
        checksums.append(hashlib.sha256((add("made", Path(name)).folder / "SHA256SUMS").read_bytes()).hexdigest())
    assert main(["list", "--set", "made"]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["batch", "files", "images", "layout", "SHA-256", "recorded"],
        ["batch-001", "5", "4", "nih", checksums[0], "no"],
        ["batch-002", "8", "8", "folder", checksums[1], "no"],
    ]


def test_a_set_that_a_stage_makes_is_listed_too_and_one_that_is_not_here_is_told(capsys):
    batch(nih_files(1))
    assert main(["list", "--set", "made"]) == 0
    assert "by a stage" in capsys.readouterr().out
    assert main(["list", "--set", "other"]) == 1
    assert capsys.readouterr().err.startswith("list: data/raw/other: is not there; `dvc pull data/raw/other` gets it")


@pytest.mark.parametrize("most_loose", [0, 100])
def test_a_sha_finds_its_file_loose_or_packed(monkeypatch, capsys, most_loose):
    copy = packing.copy
    monkeypatch.setattr(adding, "copy", lambda *given, **more: copy(*given, most_loose=most_loose, **more))
    put(Path("one"), nih_files(2))
    add("made", Path("one"))
    content = nih_files(2)["images_001/images/00000002_001.png"]
    sha256 = hashlib.sha256(content).hexdigest()
    assert main(["list", "--find", sha256[:10]]) == 0
    assert (
        f"sha256: {sha256}  batch: made/batch-001  name: images_001/images/00000002_001.png" in capsys.readouterr().out
    )


def test_a_key_that_fits_nothing_or_too_much_is_refused(capsys):
    batch(nih_files(1))
    assert main(["list", "--find", "0" * 64]) == 1
    assert "has a key that begins so" in capsys.readouterr().err
    assert main(["list", "--find", "00"]) == 1
    assert "at least 8 letters" in capsys.readouterr().err


def test_the_names_that_are_kept_of_a_private_set_are_found(capsys):
    batch(nih_files(1))
    kept = PrivateName(image_id="feedfacefeed", batch="batch-001", name="Mueller.png", patient="7")
    private_names.write("manifest", [kept])
    assert main(["list", "--find", "feedface"]) == 0
    assert "name: Mueller.png  patient: 7" in capsys.readouterr().out


def test_files_of_an_archive_that_came_in_as_it_is_are_recorded_one_by_one():
    images, stream = {f"images/{name}.png": png(grey(n)) for n, name in enumerate("ab")}, io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in images.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    table = "Image Index,Finding Labels,Patient ID\na.png,Mass,1\nb.png,Mass,2\n"
    put(Path("one"), {"Data_Entry.csv": table, "images.tar": stream.getvalue()})
    add("made", Path("one"))
    assert "images/a.png" in (SET / "batch-001/MEMBERS.sha256").read_text()
    sha256 = hashlib.sha256(images["images/b.png"]).hexdigest()
    assert [found.name for found in private_names.find(sha256)] == ["images/b.png"]
