"""Pruning's schedules, and how train and compress end where the loss diverges."""

import re

import pytest

from cxr.data import manifest, shards
from cxr.model import model_folder
from cxr.nets import tf_session
from cxr.params import load
from cxr.params.learning import Prune
from cxr.runtime import stage_main
from stages.compress import cost, pruning, run
from stages.train import run as train


@pytest.fixture
def project(made_up, tmp_path, monkeypatch):
    """The made-up project, entered; what is written stays out of it."""
    for part in ("data", "models", "params.yaml"):
        (tmp_path / part).symlink_to(made_up / part)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CXR_CACHE", str(tmp_path / "cache"))


def changed(params, section, **values):
    """Parameters with other values in `train` or in `compress.prune`."""
    if section == "train":
        return params.model_copy(update={"train": params.train.model_copy(update=values)})
    prune = params.compress.prune.model_copy(update=values)
    return params.model_copy(update={"compress": params.compress.model_copy(update={"prune": prune})})


def test_a_constant_schedule_prunes_to_its_sparsity(project):
    params = changed(load(), "prune", schedule="constant", sparsity=0.7)
    tf_session.start(params.machine, params.train.seed)
    pruned = run.prune(manifest.read(), shards.Shards(), params)
    assert cost.sparsity(run.net_with(pruned.weights)) == pytest.approx(0.7, abs=0.01)
    assert cost.sparsity(run.net_with(model_folder.read_weights(run.BASE))) < 0.01


def test_a_constant_schedule_is_there_from_the_first_step_a_polynomial_one_rises_to_it():
    reached = {
        name: [float(pruning.schedule(Prune(schedule=name, sparsity=0.7), 60)(step)[1]) for step in (1, 20, 40)]
        for name in ("constant", "polynomial")
    }
    assert reached["constant"] == pytest.approx([0.7] * 3)
    first, half, last = reached["polynomial"]
    assert first < 0.2 < half < last and last == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("stage", "main", "section"),
    [("train", train.main, "train"), ("compress", run.main, "prune")],
    ids=["train", "compress"],
)
def test_a_loss_that_diverges_ends_the_stage_in_one_line(project, monkeypatch, capsys, stage, main, section):
    monkeypatch.setattr(stage_main.signal, "signal", lambda *_: None)
    assert stage_main.run(stage, lambda params: main(changed(params, section, learning_rate=1e30))) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith(f"{stage}: ")]
    assert len(said) == 1 and "Traceback" not in said[0]
    assert re.search(r"the loss is (nan|inf) at epoch 1, step \d+ of \d+ .*: lower .*learning_rate", said[0])
