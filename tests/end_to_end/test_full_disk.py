"""A disk that gets full in the middle of a write: one clear line, nothing half under a final name, then the same bytes.

The disk is a real one: a tmpfs in a mount namespace of its own (Linux; skipped where that is not allowed).
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.workspace import STAGES

OWN_DISK = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]
pytestmark = pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run(OWN_DISK, capture_output=True).returncode != 0,
    reason="needs unshare as root, or a kernel that lets users have mount namespaces: apt install util-linux",
)
SLOW = [pytest.param(stage, share, marks=pytest.mark.slow) for stage in STAGES for share in (0.0, 0.3, 0.8)]


def filled(unhurt, *arguments):
    """What happened on the disk that got full."""
    script = str(Path(__file__).with_name("full_disk.py"))
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, script, str(unhurt.folder), *arguments],
        env=unhurt.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("stage", "share"), [("preprocess", 0.5), ("report", 0.5), *SLOW])
def test_a_full_disk_gives_one_clear_line_and_no_half_file(unhurt, stage, share):
    check(filled(unhurt, stage, str(share)), stage)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
@pytest.mark.parametrize("stage", ["train", "compress"])
def test_a_disk_that_fills_after_the_checkpoints_leaves_no_half_model_nor_plots(unhurt, stage, share):
    told = filled(unhurt, stage, str(share), "roomy")
    assert told["checkpoints"] > 0
    check(told, stage)


def check(told, stage):
    """One clear line, nothing half, and the same bytes once there is room."""
    assert told["first"] == 1
    assert f"{stage}: No space left on device" in told["said"]
    assert "Traceback" not in told["said"]
    assert told["parts"] == []
    assert told["torn"] == []
    assert told["second"] == 0, told["then"]
    assert told["differ"] == []
