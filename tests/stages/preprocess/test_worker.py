"""A private set's files: found by their SHA-256, and never named in a message."""

import shutil

import pytest

from cxr.core.errors import UserError
from tests.fixtures.toy_set import processed


def test_a_private_sets_images_are_found_by_their_sha256_and_make_the_same_bytes(toy):
    toy.run()
    public = processed()
    for folder in ("data/processed", ".cache"):
        shutil.rmtree(folder)
    toy.hide_names()
    assert toy.run()["decoded"] == 12 and processed() == public


@pytest.mark.parametrize("fault", ["changed", "gone", "closed"])
def test_a_file_of_a_private_set_that_is_not_as_ingest_saw_it_is_not_named(toy, fault):
    toy.hide_names()
    path = toy.batch / "0003.png"
    path.rename(path := path.with_name("Mueller_Anna.png"))
    match fault:
        case "changed":
            path.write_bytes(b"other")
        case "gone":
            path.unlink()
        case "closed":
            path.unlink()
            path.symlink_to("elsewhere")
    with pytest.raises(UserError, match=r"\.runs/names/preprocess\.txt") as said:
        toy.run()
    assert "Mueller" not in str(said.value)
