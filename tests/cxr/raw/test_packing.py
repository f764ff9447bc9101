"""Copying files into a batch: the same bytes every time, of a source that is at rest."""

import os
import tarfile
from pathlib import Path

import pytest

from cxr.core.files import NotAPlainFile
from cxr.raw import add as adding
from cxr.raw import packing
from cxr.raw.add import add
from cxr.raw.names import BatchError
from tests.fixtures.made_sets import folder_files, nih_files, put, tree

SET = Path("data/raw/made")
pytestmark = pytest.mark.usefixtures("here", "in_this_process", "without_dvc")


def test_packing_gives_the_same_bytes_whatever_times_and_owners_say(tmp_path):
    names = sorted(folder_files())
    for folder, when in (("one", 1), ("two", 10**9)):
        put(Path(folder), folder_files())
        os.utime(Path(folder) / names[0], (when, when))
        (Path(folder) / names[1]).chmod(0o600 + when % 2 * 0o44)
        packing.copy(Path(folder), names, tmp_path / f"{folder}-out", most_loose=0)
    assert list(tree(tmp_path / "one-out").values()) == list(tree(tmp_path / "two-out").values())
    with tarfile.open(tmp_path / "one-out/files-000.tar") as archive:
        assert archive.getnames() == names and {member.mtime for member in archive} == {0}


def test_never_more_than_256_archives_and_nothing_lost():
    names = [f"{i:07d}" for i in range(300_000)]
    made = packing.archives(names)
    assert len(made) == 256 and [name for _, members in made for name in members] == names


@pytest.mark.parametrize("most_loose", [0, 100])
@pytest.mark.parametrize("harm", ["grow", "shrink", "swap", "gone", "link", "pipe"])
def test_a_source_that_changes_while_it_is_copied_adds_nothing(monkeypatch, harm, most_loose):
    put(Path("from"), nih_files(2))
    victim, copy = Path("from/images_001/images/00000001_001.png"), packing.copy

    def changing(*given, **more):
        content = victim.read_bytes()
        victim.unlink()
        if harm == "link":
            victim.symlink_to("/etc/hostname")
        elif harm == "pipe":
            os.mkfifo(victim)
        elif harm != "gone":
            victim.write_bytes({"grow": content + b"x", "shrink": content[:-1], "swap": bytes(len(content))}[harm])
        copy(*given, most_loose=most_loose, **more)

    monkeypatch.setattr(adding, "copy", changing)
    said = r"00000001_001\.png: (changed while|is gone since|a symbolic link|a folder, pipe or device)"
    with pytest.raises((BatchError, NotAPlainFile), match=said):
        add("made", Path("from"))
    assert tree() == {}


def test_a_file_that_ends_while_it_is_packed_is_said_to_have_changed(monkeypatch):
    put(Path("from"), nih_files(2))
    victim, read = Path("from/images_001/images/00000001_001.png"), packing._Hashing.read
    size = victim.stat().st_size

    def ending(self, count=-1):
        if (
            os.fstat(self._stream.fileno()).st_size == size
            and victim.stat().st_ino == os.fstat(self._stream.fileno()).st_ino
        ):
            os.truncate(victim, 10)
        return read(self, count)

    monkeypatch.setattr(packing._Hashing, "read", ending)
    monkeypatch.setattr(adding, "copy", lambda *given, **more: packing.copy(*given, most_loose=0, **more))
    with pytest.raises(BatchError, match=r"00000001_001\.png: changed while it was being added"):
        add("made", Path("from"))
    assert tree() == {}


def test_a_file_that_may_not_be_read_is_named(monkeypatch):
    put(Path("from"), nih_files(1))
    plain = packing.open_regular

    def refusing(path):  # not by permissions: root, as whom CI may run, reads everything
        if path.name == "00000001_001.png":
            raise PermissionError(13, "Permission denied", str(path))
        return plain(path)

    monkeypatch.setattr(packing, "open_regular", refusing)
    with pytest.raises(BatchError, match=r"00000001_001\.png: may not be read \(Permission denied\)"):
        add("made", Path("from"))
