"""One finished run of the preset `tiny`, shared by the tests that compare with it."""
import pytest

from tests.fixtures.workspace import Workspace


@pytest.fixture(scope="session")
def unhurt(tmp_path_factory):
    """A workspace whose pipeline ran from start to end and was never killed. Tests must leave it as it is."""
    workspace = Workspace(tmp_path_factory.mktemp("unhurt") / "w")
    workspace.timed_repro()
    return workspace
