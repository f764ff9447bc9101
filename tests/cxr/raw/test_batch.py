"""Batches on disk: reading them in place, their checksums, and the ledger."""

import hashlib
import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from cxr.core import files
from cxr.core.errors import HashMismatch
from cxr.core.files import NotAPlainFile
from cxr.raw import checksums
from cxr.raw.batch import open_set
from cxr.raw.checksums import verify_set
from cxr.raw.fact_cache import FactCache
from cxr.raw.names import BatchError
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import FOLDER, batch, folder_files, put, run

SET = Path("data/raw/made")
pytestmark = pytest.mark.usefixtures("here", "in_this_process")


def tar(members, **changes):
    """An archive with a file for each (name, content), the last one's header changed."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for index, (name, content) in enumerate(members):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if index == len(members) - 1:
                for key, value in changes.items():
                    setattr(info, key, value)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def test_a_file_is_found_by_its_sha256_loose_or_in_an_archive_and_of_several_alike_the_first_is():
    put(SET / "batch-001", {"b.png": b"same", "a.png": b"same", "c.tar": tar([("x/inner.png", b"inner")])})
    files.write_checksums(SET / "batch-001")
    (batch,) = open_set(SET)
    same, inner = (hashlib.sha256(content).hexdigest() for content in (b"same", b"inner"))
    assert batch.file_of(f"{same}.png", same) == "a.png"
    assert batch.file_of(f"{inner}.png", inner) == "x/inner.png"
    assert batch.file_of("b.png", same) == "b.png"
    with pytest.raises(BatchError, match="no file of SHA-256 0000"):
        batch.file_of(f"{'0' * 64}.png", "0" * 64)


def verified():
    """Check the set as ingest does."""
    verify_set(SET, open_set(SET))


def test_members_of_an_archive_are_read_like_loose_files():
    batch({"a/loose.txt": "1", "x.tar": tar([("./a/in.txt", b"22"), ("b/in.txt", b"333")])})
    (made,) = open_set(SET)
    assert made.names() == ["a/in.txt", "a/loose.txt", "b/in.txt"]
    assert [made.read(name) for name in made.names()] == [b"22", b"1", b"333"]
    assert sorted(path.name for path in made.folder.rglob("*")) == ["SHA256SUMS", "a", "loose.txt", "x.tar"]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../out.txt"},
        {"name": "/abs.txt"},
        {"name": "a/../../b"},
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd", "size": 0},
        {"type": tarfile.LNKTYPE, "linkname": "good.txt", "size": 0},
        {"type": tarfile.CHRTYPE, "size": 0},
        {"type": tarfile.FIFOTYPE, "size": 0},
    ],
)
def test_an_archive_with_a_member_that_is_no_plain_file_inside_is_refused(changes):
    batch({"x.tar": tar([("good.txt", b"1"), ("bad.txt", b"")], **changes)})
    with pytest.raises(BatchError, match=r"x\.tar: member"):
        open_set(SET)


def test_archives_that_are_cut_off_compressed_or_no_archive_are_refused():
    whole = tar([("good.txt", bytes(4000))])
    for content in (whole[:2000], b"\x1f\x8b" + bytes(600), b"no archive"):
        batch({"x.tar": content})
        with pytest.raises(BatchError, match=r"cut off|not an uncompressed"):
            open_set(SET)


def test_a_name_that_is_loose_and_in_an_archive_is_refused():
    batch({"a.txt": "1", "x.tar": tar([("a.txt", b"2")])})
    with pytest.raises(BatchError, match="in the batch twice"):
        open_set(SET)


def test_links_and_devices_in_a_batch_are_refused_by_name():
    made = batch({"a.txt": "1"})
    (made / "link.png").symlink_to("/etc/passwd")
    with pytest.raises(BatchError, match=r"link\.png: a symbolic link"):
        open_set(SET)
    (made / "link.png").unlink()
    os.mkfifo(made / "pipe.png")
    with pytest.raises(BatchError, match=r"pipe\.png: a device"):
        open_set(SET)


def test_a_file_that_became_a_link_after_listing_is_not_followed():
    folder = batch({"a.txt": "1"})
    (made,) = open_set(SET)
    (folder / "a.txt").unlink()
    (folder / "a.txt").symlink_to("/etc/hostname")
    with pytest.raises(NotAPlainFile, match="symbolic"):
        made.read("a.txt")


def test_more_than_the_limit_is_not_read():
    batch({"a.txt": "12345"})
    (made,) = open_set(SET)
    assert made.read("a.txt", 5) == b"12345"
    with pytest.raises(BatchError, match="more than the 4"):
        made.read("a.txt", 4)


def test_a_missing_or_empty_set_says_what_to_do():
    with pytest.raises(BatchError, match=r"dvc pull data/raw/made.*make add-batch SET=made"):
        open_set(SET)
    SET.mkdir(parents=True)
    with pytest.raises(BatchError, match="has no batch"):
        open_set(SET)
    (SET / "x.png").write_bytes(b"")
    with pytest.raises(BatchError, match=r"x\.png: only folders of batches"):
        open_set(SET)


def test_what_a_killed_add_left_under_a_temporary_name_is_passed_over():
    batch({"a.txt": "1"})
    put(SET / ".batch-002.part", {"b.txt": "1"})
    assert [made.name for made in open_set(SET)] == ["batch-001"]


# checksums


def test_a_changed_missing_or_added_file_is_refused_by_name():
    made = batch({"a.txt": "1", "b.txt": "2"})
    verified()
    (made / "a.txt").write_text("3")
    with pytest.raises(HashMismatch, match=r"batch-001/a\.txt: its SHA-256 is not the one in SHA256SUMS"):
        verified()
    (made / "a.txt").unlink()
    with pytest.raises(HashMismatch, match=r"batch-001/a\.txt: in SHA256SUMS but missing"):
        verified()
    put(made, {"a.txt": "1", "c.txt": "4"})
    with pytest.raises(HashMismatch, match=r"batch-001/c\.txt: was added"):
        verified()


def test_a_batch_without_checksums_is_refused_by_name():
    put(SET / "batch-001", {"a.txt": "1"})
    with pytest.raises(BatchError, match="batch-001: has no SHA256SUMS"):
        verified()


def test_a_hash_is_remembered_only_while_nothing_about_the_file_changes(monkeypatch):
    made = batch({"a.txt": "1", "b.txt": "2"})
    monkeypatch.setattr(checksums, "_is_recent", lambda path: False)
    hashed = []
    monkeypatch.setattr(checksums, "sha256_file", lambda path: hashed.append(path.name) or files.sha256_file(path))
    verified()
    verified()
    assert sorted(hashed) == ["a.txt", "b.txt"]
    before = (made / "a.txt").stat()
    while (made / "a.txt").stat().st_ctime_ns == before.st_ctime_ns:  # the kernel's clock goes on in steps
        (made / "a.txt").write_text("9")
        os.utime(made / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(HashMismatch, match=r"a\.txt"):
        verified()


def test_a_file_written_a_moment_ago_is_not_remembered():
    made = batch({"a.txt": "1"})
    assert checksums._is_recent(made / "a.txt")
    os.utime(made / "a.txt", (1, 1))
    assert checksums._is_recent(made / "a.txt")  # the time of its inode is now


def test_two_caches_on_one_file_see_each_other(tmp_path):
    one, other = FactCache(tmp_path / "facts"), FactCache(tmp_path / "facts")
    one.put({f"key{i}": str(i) for i in range(1200)})
    other.put({"key1": "new"})
    assert one.get(["key1", "key1199", "none"]) == {"key1": "new", "key1199": "1199"}


def test_without_room_nothing_is_remembered_and_work_goes_on(tmp_path, caplog):
    (tmp_path / "facts").mkdir()  # a file cannot be opened there
    cache = FactCache(tmp_path / "facts")
    cache.put({"key": "fact"})
    assert cache.get(["key"]) == {"key": "fact"} and cache.damaged == 0
    assert f"{tmp_path / 'facts'}: not remembered (" in caplog.text
    assert list((tmp_path / "facts").iterdir()) == []


# ledger


def ledger(**entries):
    """Write a ledger of these batches and checksums."""
    SET.with_name("made.ledger").write_text("".join(f"{name} {checksum}\n" for name, checksum in entries.items()))


def test_ingest_refuses_a_batch_whose_checksum_the_ledger_does_not_know():
    made = batch(folder_files())
    (sums := made / "SHA256SUMS")
    ledger(**{"batch-001": files.sha256_file(sums)})
    assert len(run(FOLDER)) == 8
    (made / "train/NORMAL/IM-0001-0001.png").write_bytes(png(grey(999)))
    sums.unlink()
    files.write_checksums(made)
    with pytest.raises(
        BatchError,
        match=r"batch-001: was changed: the SHA-256 of its SHA256SUMS is .* "
        r"New data is a new batch",
    ):
        run(FOLDER)


def test_a_batch_beside_the_ledger_or_gone_from_disk_is_refused_by_name():
    made = batch({"a.txt": "1"})
    ledger(**{"batch-001": files.sha256_file(made / "SHA256SUMS")})
    batch({"b.txt": "1"}, "batch-002")
    with pytest.raises(BatchError, match=r"batch-002: not in data/raw/made\.ledger"):
        verified()
    shutil.rmtree(SET / "batch-002")
    ledger(**{"batch-001": files.sha256_file(made / "SHA256SUMS"), "batch-002": "0" * 64})
    with pytest.raises(BatchError, match=r"batch-002: in data/raw/made\.ledger but not on disk"):
        verified()


def test_a_ledger_that_is_gone_or_garbled_is_refused():
    batch({"a.txt": "1"})
    SET.with_name("made.dvc").write_text("")
    with pytest.raises(BatchError, match=r"made\.ledger: is missing though data/raw/made\.dvc"):
        verified()
    ledger(**{"batch-001": "short"})
    with pytest.raises(BatchError, match=r"made\.ledger line 1"):
        verified()
