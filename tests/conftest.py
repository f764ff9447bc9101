"""What several tests share: an environment that is no user's, and the folder of real images, skipped where it is not
there."""

import logging
import os
import signal
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parent.parent
CHOSEN = (
    "CXR_WORKERS",
    "CXR_INSTRUCTION_SET",
    "DVC_SITE_CACHE_DIR",  # the machine's: they change no outcome
    "CXR_TEST_DATA",
    "CXR_NO_SKIPS",
)  # what is there to test with, and whether a skipped test is a fault
for name in list(os.environ):  # GIT_*: a git hook that runs the tests sets GIT_DIR, and all would commit there
    if name.startswith(("CXR_", "PREFECT_", "GIT_", "DVC_")) and name not in CHOSEN:
        del os.environ[name]
os.environ |= {
    "GIT_CONFIG_GLOBAL": str(ROOT / "tests/gitconfig"),
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"DVC_{whose}_CONFIG_DIR": str(ROOT / "tests/nobody") for whose in ("GLOBAL", "SYSTEM")},
}

from cxr.core import determinism
from cxr.core.files import CHECKSUMS
from tests.skips import pytest_sessionfinish, pytest_terminal_summary, without_sets  # noqa: F401  (hooks)

determinism.set_environment(ROOT / "params.yaml")  # before NumPy or TensorFlow load

for number in (signal.SIGINT, signal.SIGHUP):  # ignored where pytest was sent into the background or under nohup;
    if signal.getsignal(number) is signal.SIG_IGN:  # what tests start must hear them
        signal.signal(number, lambda *_: None)

os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # what dvc starts: `python`


FIRST = (
    "end_to_end/test_kills.py",
    "stages/compress/test_compress.py",
    "flows/release/test_retraining.py",
    "flows/dispatch/test_scheduler.py",
    "end_to_end/test_stale.py",
    "end_to_end",
)

SLOW_CI = (  # what CI runs of the slow tests (`make test-slow-ci`): at most 35 minutes on 2 cores, a case of each kind
    "end_to_end/test_flows_services.py",
    "end_to_end/test_kills.py::test_twenty_kills_over_every_stage_change_no_byte",
    "end_to_end/test_retrain_trigger.py::test_an_event_during_a_retraining_is_turned_away_and_said_again_starts_the_next",
    "end_to_end/test_tasks.py",
)


def place_in_the_queue(path: Path) -> int:
    """Where a test file stands in the queue of `make test`: with the first entry of FIRST that it is or lies in."""
    name = path.relative_to(ROOT / "tests").as_posix()
    return next((place for place, start in enumerate(FIRST) if name.startswith(start)), len(FIRST))


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: `make test` runs two side by side, and should not end with one of them alone.

    The second file does without the finished run of `tiny`, for which it would have to wait while the first makes it.
    """
    for item in items:
        if item.nodeid.removeprefix("tests/").startswith(SLOW_CI):
            item.add_marker("slow_ci")
    items.sort(key=lambda item: place_in_the_queue(item.path))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes are called by their argument's name: gzip writes the time into its head, so that two workers of `make test`
    that collect in two seconds would find two tests."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def no_old_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC's log handlers keep the captured stream of the test in which they were made, and raise when it is closed."""
    for name in ("dvc", "dvc_objects", "dvc_data"):
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real chest radiographs (where they are looked for: docs/reference/tests.md); the test is skipped without them."""
    place = Path(os.environ.get("CXR_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not (place / "SOURCES.md").exists():
        without_sets(place)
    return place


@pytest.fixture(scope="session", autouse=True)
def tensorflow_started() -> None:
    """As the stages start it, where a test has imported it: what one file computes does not depend on another."""
    if "tensorflow" not in sys.modules:
        return
    from cxr.nets import tf_session
    from cxr.params.schema import Machine

    tf_session.start(Machine(intra_op_threads=2), 1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder of its own, entered."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def made_up(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A project of made-up images in which only `compress` is left to do; not to be written in.

    Made once in a session, by whichever of pytest-xdist's workers wants it first.
    """
    from tests.fixtures.made_up_project import write_base, write_data

    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "made_up"
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "models/base" / CHECKSUMS).exists():
            write_data(folder)
            write_base(folder)
    return folder


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ingest decodes in this process: starting others costs seconds."""
    from stages.ingest import facts

    monkeypatch.setattr(facts, "map_unordered", lambda function, items, processes: enumerate(map(function, items)))
