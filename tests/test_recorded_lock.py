"""The committed dvc.lock was made by the sources and parameters beside it: else it would record bytes of other code.

And what it records keeps what the default promises, where the recorded metrics are at hand.
"""
import contextlib
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo

from flows.repo import acceptance
from flows.repo.lockfile import outputs_of

ROOT = Path(__file__).resolve().parents[1]


def test_the_committed_lock_was_made_by_these_sources_and_parameters():
    with contextlib.chdir(ROOT), Repo(".") as repo:
        inputs = [(stage.name, dependency) for stage in repo.index.stages for dependency in stage.deps
                  if isinstance(dependency, ParamsDependency) or str(dependency).startswith(("cxr/", "stages/"))]
        changed = {(name, str(dependency)) for name, dependency in inputs if dependency.status()}
    assert len(inputs) > 50
    assert changed == set(), "run `make repro` and commit dvc.lock and data/raw/dvc.lock"


def evaluated(macro=0.9, positives=20):
    """Content of metrics/evaluate.json for two variants and two labels."""
    entry = {"auroc": {"macro": 0.9}, "counts": {"Mass": {"positives": 30}, "Edema": {"positives": positives}}}
    return {"base": entry, "int8": {**entry, "auroc": {"macro": macro}}}


def test_the_recorded_default_keeps_its_promises():
    path = ROOT / "metrics/evaluate.json"
    recorded = outputs_of(ROOT)["metrics/evaluate.json"]
    if not path.exists() or hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != recorded:
        pytest.skip("the recorded metrics are not here: `make repro` makes them, or `dvc pull metrics/evaluate.json`")
    assert acceptance.faults(json.loads(path.read_text())) == []


@pytest.mark.parametrize(("changed", "said"), [
    ({"macro": 0.849}, ["int8: macro AUROC on test is 0.849"]),
    ({"macro": 0.981}, ["int8: macro AUROC on test is 0.981"]),
    ({"macro": "n/a"}, ["int8: macro AUROC on test is n/a"]),
    ({"positives": 19}, ["Edema: 19 positives on test"]), ({}, [])])
def test_figures_outside_what_the_default_promises_are_named(tmp_path, changed, said):
    for name in ("params.yaml", "presets/phantom.yaml", "metrics/evaluate.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
    shutil.copy(ROOT / "presets/phantom.yaml", tmp_path / "presets")
    shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    (tmp_path / "metrics/evaluate.json").write_text(json.dumps(evaluated(**changed)))
    found = acceptance.broken(tmp_path)
    assert len(found) == len(said) and all(part in line for line, part in zip(found, said, strict=True))
    (tmp_path / "params.yaml").write_text("other: data\n")
    assert acceptance.broken(tmp_path) == []
