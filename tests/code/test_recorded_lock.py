"""The committed dvc.lock was made by the sources and parameters beside it: else it would record bytes of other code."""
import contextlib
from pathlib import Path

from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_lock_was_made_by_these_sources_and_parameters():
    with contextlib.chdir(ROOT), Repo(".") as repo:
        inputs = [(stage.name, dependency) for stage in repo.index.stages for dependency in stage.deps
                  if isinstance(dependency, ParamsDependency) or str(dependency).startswith("stages/")]
        changed = {(name, str(dependency)) for name, dependency in inputs if dependency.status()}
    assert len(inputs) > 60
    assert changed == set(), "run `make repro` and commit dvc.lock and data/raw/dvc.lock"
