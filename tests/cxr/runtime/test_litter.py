"""The one list of what is passed over in folders."""

import pytest

from cxr.runtime.litter import is_litter


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        "._x.png",
        "Icon\r",
        "__MACOSX/a/b.png",
        "a/Thumbs.db",
        "a/Thumbs.db:encryptable",
        "ehthumbs.db",
        "desktop.ini",
        "a/~$labels.xlsx",
        "NORMAL/@eaDir/x.png/SYNOFILE_THUMB_M.png",
        "NORMAL/SYNOFILE_THUMB_XL.png",
        "NORMAL/.@__thumb/x.png",
        "@Recycle/x.png",
        "#recycle/x.png",
        ".ipynb_checkpoints/x.png",
        "lost+found/#123",
        "$RECYCLE.BIN/S-1/x.png",
        "System Volume Information/x",
        "x.png:Zone.Identifier",
        "x.png.part",
    ],
)
def test_what_systems_servers_and_programs_leave_is_litter(name):
    assert is_litter(name)


@pytest.mark.parametrize("name", ["NORMAL/x.png", "Icon.png", "thumbs/x.png", "a~$b.png", "recycle/x.png", "x.parts"])
def test_what_only_looks_like_litter_is_none(name):
    assert not is_litter(name)
