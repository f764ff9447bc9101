"""The same bytes on another x86-64 processor: an emulated Haswell, which has neither AVX-512 nor this machine's caches.

Needs `qemu-x86_64` (Debian's qemu-user).
"""

import shutil
import sys

import pytest

from tests.end_to_end.full_disk import MEASURED, differing, outputs_of
from tests.fixtures.workspace import STAGES, Workspace
from tests.skips import needs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(not shutil.which("qemu-x86_64"), reason=needs("qemu-x86_64")),
]
COMPARED = tuple(name for name in STAGES if name != "report")  # the report shows measured times
RUN = """import multiprocessing.spawn, runpy, sys
if __name__ == "__main__":
    multiprocessing.spawn.set_executable(sys.argv[1])
    runpy.run_module(sys.argv[2], run_name="__main__")
"""


@pytest.fixture(scope="module")
def emulated(unhurt, tmp_path_factory):
    """A copy of the finished workspace in which every stage but the report ran again on the emulated processor."""
    top = tmp_path_factory.mktemp("haswell")
    workspace = Workspace.__new__(Workspace)
    workspace.folder = top / "w"
    workspace.environment = {**unhurt.environment, "PYTHONPATH": str(workspace.folder), "CXR_WORKERS": "1"}
    shutil.copytree(unhurt.folder, workspace.folder, ignore=shutil.ignore_patterns(".cache"))
    for out in {out for stage in COMPARED for out in outputs_of(workspace.folder, stage)}:
        place = workspace.folder / out
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    python, script = top / "python", top / "run.py"
    python.write_text(f'#!/bin/sh\nexec qemu-x86_64 -cpu Haswell {sys.executable} "$@"\n')
    python.chmod(0o755)
    script.write_text(RUN)
    for stage in COMPARED:
        workspace.run(str(python), str(script), str(python), f"stages.{stage}")
    return workspace


@pytest.mark.parametrize("stage", COMPARED)
def test_a_stage_gives_the_same_bytes(unhurt, emulated, stage):
    """What XNNPACK computes too, though it can't be capped: its kernels gave equal logits here and there."""
    compared = [out for out in outputs_of(unhurt.folder, stage) if out != MEASURED]
    assert compared
    assert [out for out in compared if differing(unhurt.folder / out, emulated.folder / out)] == []
