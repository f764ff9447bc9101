"""The stage train: what names its checkpoints, and its learning curves."""

from pathlib import Path

import pandas as pd
import pytest

from cxr.core.errors import UserError
from cxr.data.manifest import Head, Manifest
from cxr.params import Params
from stages.train import curves, run


def test_train_names_its_checkpoints_by_the_caps_in_force(monkeypatch):
    monkeypatch.setattr(run, "inputs", lambda manifest: ("shards", "splits"))
    params = Params.model_validate(
        {
            "ingest": {
                "set": "s",
                "layout": "folder",
                "one_patient_per": "file_name",
                "task": "multilabel",
                "labels": ["a"],
                "salt_fingerprint": "0" * 12,
            }
        }
    )
    keys = set()
    for isa in ("AVX2", "AVX2", "AVX512_CORE"):
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", isa)
        keys.add(run.checkpoint_key({}, None, params, None))
    assert len(keys) == 2


def test_learning_curves_are_never_seen_half_written(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    history = [{"loss": 0.5, "val_loss": 0.6, "score": 0.1}, {"loss": 0.4, "val_loss": 0.5, "score": 0.2}]
    curves.record(history[:1])
    before = {p: p.read_bytes() for p in curves.CURVES.rglob("*") if p.is_file()}
    with monkeypatch.context() as broken, pytest.raises(OSError, match="disk full"):
        broken.setattr(curves.Live, "next_step", lambda live: (_ for _ in ()).throw(OSError("disk full")))
        curves.record(history)
    assert {p: p.read_bytes() for p in curves.CURVES.rglob("*") if p.is_file()} == before
    curves.record(history)
    rows = (curves.CURVES / "plots/metrics/loss.tsv").read_text().splitlines()
    assert len(rows) == 3 and not list(Path("plots").glob(".*"))


@pytest.mark.parametrize(
    ("splits", "gates"),
    [(["train", "train", "test"], [False] * 3), (["train", "validation", "test"], [False, True, False])],
    ids=["no validation", "all of it in the gate"],
)
def test_without_validation_images_outside_the_gate_nothing_is_trained(splits, gates):
    rows = Manifest(Head("s", "multilabel", ("a",)), pd.DataFrame({"split": splits, "gate": gates, "label_a": 1}))
    with pytest.raises(UserError, match=r"no image in the validation split outside the gate.*gate_fraction"):
        run.validation_of(rows)


def test_without_training_images_nothing_is_trained():
    rows = Manifest(
        Head("s", "multilabel", ("a",)), pd.DataFrame({"split": [], "gate": [], "image_id": [], "label_a": []})
    )
    with pytest.raises(UserError, match="no image in the train split"):
        run.feed_of(rows, None)
