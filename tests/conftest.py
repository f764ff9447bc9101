"""What several tests share: the folder of real images, skipped where it is not there."""
import signal
from pathlib import Path

import pytest

import stages  # noqa: F401  (settles the environment before NumPy or TensorFlow load)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # pytest in the background; what tests start must hear it
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


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
