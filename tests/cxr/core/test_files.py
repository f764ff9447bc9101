"""Files come whole or not at all, in canonical bytes, and are checked when read."""

import errno
import os
import re
import stat

import numpy as np
import pytest

from cxr.core import files
from cxr.core.errors import HashMismatch
from cxr.model import model_folder
from tests.fixtures import tiny_nets


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "a.bin"
    files.write_bytes(path, b"old")
    with pytest.raises(OSError), files.atomic_file(path) as stream:
        stream.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_name_as_long_as_a_file_system_takes_is_written(tmp_path):
    name = "ü" * 125 + ".png"
    files.write_bytes(tmp_path / name, b"1")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("umask", [0o002, 0o022, 0o077])
def test_a_new_file_has_the_permissions_that_the_umask_leaves(tmp_path, umask):
    before = os.umask(umask)
    try:
        files.write_bytes(tmp_path / "a.bin", b"1")
        files.write_bytes(tmp_path / "secret.bin", b"1", mode=0o600)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.bin").stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE((tmp_path / "secret.bin").stat().st_mode) == 0o600


def test_checksums_are_read_by_lines_that_end_in_a_newline_alone(tmp_path):
    names = ["a\u2028b.png", "c\x85d.png", "e\vf.png", "g  h.png"]
    (tmp_path / "SHA256SUMS").write_text("".join(f"{'0' * 64}  {name}\n" for name in names))
    assert list(files.read_checksums(tmp_path)) == names
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  a.png\nno checksum\n")
    with pytest.raises(HashMismatch, match=r"SHA256SUMS line 2: not `<SHA-256>  <name>`: 'no checksum'"):
        files.read_checksums(tmp_path)


def test_a_folder_appears_only_when_it_is_whole_and_replaces_the_old_one(tmp_path):
    folder = tmp_path / "out"
    for name in ("first", "second"):
        with files.atomic_folder(folder) as temporary:
            files.write_text(temporary / name, name)
            assert not (folder / name).exists()
    assert [p.name for p in folder.iterdir()] == ["second"]


def test_what_a_killed_run_left_under_the_temporary_name_is_not_taken_over(tmp_path):
    (tmp_path / ".out.part").mkdir()
    (tmp_path / ".out.part" / "litter").write_text("x")
    with files.atomic_folder(tmp_path / "out") as temporary:
        files.write_text(temporary / "clean", "y")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["clean"]


def test_json_refuses_nan_and_orders_keys():
    assert files.canonical_json({"b": 1, "a": 2}) == files.canonical_json({"a": 2, "b": 1})
    with pytest.raises(ValueError):
        files.canonical_json({"a": float("nan")})
    assert files.number(float("nan")) == "n/a"


@pytest.mark.parametrize("harm", ["change", "remove", "add"])
def test_a_folder_with_checksums_that_was_touched_is_refused_by_name(tmp_path, harm):
    files.write_text(tmp_path / "x.txt", "x")
    files.write_checksums(tmp_path)
    files.verify_checksums(tmp_path)
    if harm == "change":
        (tmp_path / "x.txt").write_text("y")
    elif harm == "remove":
        (tmp_path / "x.txt").unlink()
    else:
        (tmp_path / "more.txt").write_text("z")
    with pytest.raises(HashMismatch, match="more.txt" if harm == "add" else "x.txt"):
        files.verify_checksums(tmp_path)


def made(folder):
    model_folder.write(
        folder, spec={"net": "small"}, weights=[np.arange(3.0)], card=tiny_nets.card(["a"]), tflite=b"TFL3"
    )
    return folder


def test_a_model_folder_has_the_same_bytes_each_time(tmp_path):
    assert model_folder.identity(made(tmp_path / "a")) == model_folder.identity(made(tmp_path / "b"))


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("card.json", model_folder.read_card),
        ("spec.json", model_folder.read_spec),
        ("weights.npz", model_folder.read_weights),
        ("model.tflite", model_folder.read_tflite),
    ],
)
def test_a_model_file_whose_bytes_are_not_the_recorded_ones_is_refused_by_name(tmp_path, name, read):
    folder = made(tmp_path / "model")
    read(folder)
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    with pytest.raises(HashMismatch, match=name):
        read(folder)


def test_weights_that_hold_pickled_objects_are_refused(tmp_path):
    folder = made(tmp_path / "model")
    np.savez(folder / "weights.npz", np.array([{"a": 1}], dtype=object))
    files.write_checksums(folder)
    with pytest.raises(ValueError, match="pickle"):
        model_folder.read_weights(folder)


def test_a_plain_file_is_opened_and_whatever_took_its_place_is_refused_without_waiting(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    with files.open_regular(tmp_path / "file") as stream:
        assert stream.read() == b"abc"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "pipe_by_link").symlink_to("pipe")
    for name in ("pipe", "link", "."):
        with pytest.raises(files.NotAPlainFile, match=re.escape(str(tmp_path / name))):
            files.open_regular(tmp_path / name)
    with files.open_regular(tmp_path / "link", follow=True) as stream:
        assert stream.read() == b"abc"
    for name in ("pipe", "pipe_by_link"):
        with pytest.raises(files.NotAPlainFile):
            files.sha256_file(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        files.open_regular(tmp_path / "nothing")
