"""Two adds in the same moment: one waits for the other, and both come in whole."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.raw.batch import open_set
from cxr.raw.checksums import verify_set
from tests.fixtures.made_sets import nih_files, put

SET = Path("data/raw/made")
pytestmark = pytest.mark.usefixtures("here")


HELD = """
import pathlib, sys, time
from cxr.raw import add as adding
adding._dvc_add = lambda folder: time.sleep(1)  # the other one has started by then
said = []
try:
    added = adding.add("made", pathlib.Path(sys.argv[1]), say=said.append)
    print(added.folder.name, *said, sep="\\n")
except adding.AlreadyIn as known:
    print("already", known.batch.name)
"""


def two_adds(root, *sources):
    """Two processes that add at the same time; what each printed."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", HELD, source],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(root)},
        )
        for source in sources
    ]
    return sorted(process.communicate(timeout=120)[0].splitlines() for process in started)


def test_of_two_adds_at_once_one_waits_and_says_for_whom_and_both_come_in_whole(root):
    put(Path("one"), nih_files(20))
    put(Path("two"), nih_files(20, first=30))
    first, second = two_adds(root, "one", "two")
    assert (first, second[0]) == (["batch-001"], "batch-002")
    assert re.fullmatch(r"waiting: (process \d+ on \S+ adds (one|two) to set made|another .*); Ctrl-C .*", second[1])
    batches = open_set(SET)
    verify_set(SET, batches)
    assert [len(made.names()) for made in batches] == [41, 41]
    assert sorted(path.name for path in SET.iterdir()) == ["batch-001", "batch-002"]


def test_of_two_adds_of_one_folder_at_once_one_finds_it_there(root):
    put(Path("one"), nih_files(5))
    assert two_adds(root, "one", "one") == [["already batch-001"], ["batch-001"]]
    assert [made.name for made in open_set(SET)] == ["batch-001"]
