"""Where flows find the project, its remotes and this machine's folders."""
from pathlib import Path

import pytest

from flows.server import deploy
from flows.support.settings import from_environment


def test_without_variables_the_project_is_the_checkout_that_holds_flows(root: Path, monkeypatch: pytest.MonkeyPatch
                                                                        ) -> None:
    monkeypatch.delenv("CXR_PROJECT", raising=False)
    assert from_environment().project == root == deploy.CODE
    assert (deploy.CODE / "prefect.yaml").exists()
