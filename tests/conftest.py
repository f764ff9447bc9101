"""What several tests share: the folder of real images, skipped where it is not there."""
import os
import signal
import sys
from pathlib import Path

import pytest

import stages  # noqa: F401  (settles the environment before NumPy or TensorFlow load)

for number in (signal.SIGINT, signal.SIGHUP):  # ignored where pytest was sent into the background or under nohup;
    if signal.getsignal(number) is signal.SIG_IGN:  # what tests start must hear them
        signal.signal(number, lambda *_: None)

os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # what dvc starts: `python`

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: `make test` runs two side by side, and should not end with one of them alone."""
    items.sort(key=lambda item: "end_to_end" not in item.path.parts)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real chest radiographs beside the checkout (see docs/reference/tests.md); the test is skipped without them."""
    for place in (ROOT.parent / "shared" / "data", Path("/work/shared/data")):
        if (place / "SOURCES.md").exists():
            return place
    pytest.skip("../shared/data is not here")
