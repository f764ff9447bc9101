"""The same bytes on another x86-64 processor: an emulated Haswell, which has neither AVX-512 nor this machine's caches.

Needs `qemu-x86_64` (Debian's qemu-user); about ten minutes.
"""
import shutil
import sys

import numpy as np
import pytest

from stages import modelfolder

from .workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("qemu-x86_64"), reason="qemu-user is not here")]


@pytest.fixture(scope="module")
def emulated(unhurt, tmp_path_factory):
    """A copy of the finished workspace in which training ran again, from nothing, on the emulated processor."""
    folder = tmp_path_factory.mktemp("haswell") / "w"
    shutil.copytree(unhurt.folder, folder, ignore=shutil.ignore_patterns(".cache"))
    shutil.rmtree(folder / "models/base")
    workspace = Workspace.__new__(Workspace)
    workspace.folder, workspace.environment = folder, {**unhurt.environment, "PYTHONPATH": str(folder)}
    workspace.run("qemu-x86_64", "-cpu", "Haswell", sys.executable, "-m", "stages.train")
    return workspace


def test_training_gives_the_same_weights_and_curves(unhurt, emulated):
    for name in ("models/base/weights.npz", "models/base/model.tflite", "metrics/train.json"):
        assert (emulated.folder / name).read_bytes() == (unhurt.folder / name).read_bytes(), name


def test_the_served_path_stays_within_its_tolerance(unhurt, emulated):
    """XNNPACK can't be capped: what is computed from served logits is held to 1e-4 instead."""
    here, there = (modelfolder.read_card(w.folder / "models/base") for w in (unhurt, emulated))
    for name in ("a", "b"):
        np.testing.assert_allclose(here["calibration"][name], there["calibration"][name], atol=1e-4)
    for label, figure in here["validation"]["auroc"].items():
        assert there["validation"]["auroc"][label] == pytest.approx(figure, abs=1e-4) or figure == "n/a"
