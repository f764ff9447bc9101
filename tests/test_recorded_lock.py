"""The committed dvc.lock was made by the sources and parameters beside it: else it would record bytes of other code.

And what it records keeps what the default promises, where the recorded metrics are at hand.
"""

import contextlib
import hashlib
import json
from pathlib import Path

import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo

from flows.repo.lockfile import outputs_of
from stages.evaluate import acceptance

ROOT = Path(__file__).resolve().parents[1]


def test_the_committed_lock_was_made_by_these_sources_and_parameters():
    with contextlib.chdir(ROOT), Repo(".") as repo:
        inputs = [
            (stage.name, dependency)
            for stage in repo.index.stages
            for dependency in stage.deps
            if isinstance(dependency, ParamsDependency) or str(dependency).startswith(("cxr/", "stages/"))
        ]
        changed = {(name, str(dependency)) for name, dependency in inputs if dependency.status()}
    assert len(inputs) > 50
    assert changed == set(), "run `make repro` and commit dvc.lock and data/raw/dvc.lock"


def test_the_recorded_default_keeps_its_promises():
    path = ROOT / "metrics/evaluate.json"
    recorded = outputs_of(ROOT)["metrics/evaluate.json"]
    if not path.exists() or hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != recorded:
        pytest.skip("the recorded metrics are not here: `make repro` makes them, or `dvc pull metrics/evaluate.json`")
    assert acceptance.faults(json.loads(path.read_text())) == []
