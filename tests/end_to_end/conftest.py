"""One finished run of the preset `tiny`, made once for all processes of pytest, of which each has a copy."""

import json

import pytest
from filelock import FileLock

from tests.fixtures.workspace import Workspace


@pytest.fixture(scope="session")
def unhurt(tmp_path_factory, worker_id):
    """A workspace whose pipeline ran from start to end and was never killed. Tests must leave it as it is."""
    if worker_id == "master":
        return finished(tmp_path_factory.mktemp("unhurt") / "w")
    shared = tmp_path_factory.getbasetemp().parent
    with FileLock(shared / "unhurt.lock"):
        times = shared / "unhurt.json"
        if times.exists():
            whole = Workspace.at(shared / "unhurt", *json.loads(times.read_text()))
        else:
            whole = finished(shared / "unhurt")
            times.write_text(json.dumps([whole.processor_seconds, whole.to_first_checkpoint]))
    return Workspace.copy_of(whole, tmp_path_factory.mktemp("unhurt") / "w")


def finished(folder):
    """The pipeline run in a new workspace."""
    workspace = Workspace(folder)
    workspace.timed_repro()
    return workspace
