"""A fresh environment of `make setup EXTRA=serve` scores images and answers over HTTP, and is small."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr.params.upgrade import upgrade
from tests.fixtures.archives import unpack

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
NEEDED = (
    "cxr",
    "serving",
    "stages",
    "flows",
    "command",
    "requirements",
    "Makefile",
    "pyproject.toml",
    "README.md",
    "params.yaml",
)
MOST_BYTES = 0.8e9


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with an environment of its own, and a project with a release in production beside it."""
    place = tmp_path_factory.mktemp("serve") / "checkout"
    place.mkdir()
    for name in NEEDED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, place / name)
    outside = f"/bin:/usr/bin:{Path(sys.base_prefix) / 'bin'}"
    python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    subprocess.run(
        ["make", "setup", "EXTRA=serve", f"PYTHON={python}"],
        cwd=place,
        check=True,
        capture_output=True,
        env=os.environ | {"PATH": outside},
    )
    unpack(ROOT / "tests/fixtures/made_before_the_move.tar.gz", place / "project")
    upgrade(place / "project/params.yaml", ROOT / "presets/default.yaml")  # as its message asks
    return place


def clean() -> dict[str, str]:
    """The environment without what would lead to another checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "CXR_"))}


def run(checkout: Path, *command: str, status: int = 0) -> str:
    """What the fresh environment's python prints in the project, on both streams."""
    done = subprocess.run(
        [checkout / ".venv/bin/python", *command], cwd=checkout / "project", capture_output=True, text=True, env=clean()
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def endpoint(checkout: Path) -> Iterator[str]:
    """Address of `python -m serving.http` in the fresh environment."""
    child = subprocess.Popen(
        [checkout / ".venv/bin/python", "-m", "serving.http", "--port", "0"],
        text=True,
        cwd=checkout / "project",
        env=clean(),
        stdout=subprocess.PIPE,
    )
    try:
        yield child.stdout.readline().split()[1]
    finally:
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=120)


def asked(address: str, body: bytes | None = None) -> dict:
    """The JSON that an address answers with, asked again while the endpoint starts."""
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, body, timeout=60) as answer:  # noqa: S310
                return json.load(answer)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def test_it_is_small_and_holds_none_of_the_large_ones(checkout: Path) -> None:
    files = [path for path in (checkout / ".venv").rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    listed = run(checkout, "-c", "from importlib import metadata as m; print(*(d.name for d in m.distributions()))")
    assert "numpy" in listed.split() and not {"prefect", "tensorflow", "dvc"} & set(listed.lower().split())


def test_it_scores_what_waits(checkout: Path) -> None:
    incoming = checkout / "project/production/incoming"
    for image in (checkout / "project/later").glob("*.png"):
        shutil.copy(image, incoming / image.name)
    before = len(list((checkout / "project/production/log").glob("day=*/*.parquet")))
    run(checkout, "-m", "serving.score")
    assert len(list((checkout / "project/production/log").glob("day=*/*.parquet"))) > before


def test_it_watches_for_drift(checkout: Path) -> None:
    assert "verdict: production/drift/" in run(checkout, "-m", "serving.monitor")


def test_it_says_what_the_gate_needs_more(checkout: Path) -> None:
    asked = ("-m", "serving.gate", "--out", "again", "--version", "v0.0.4")
    shown = run(checkout, *asked, status=1)
    assert "which this set-up lacks: run the gate on a machine of `make setup`" in shown and "Traceback" not in shown


def test_it_answers_over_http(checkout: Path, endpoint: str) -> None:
    assert asked(f"{endpoint}/health")["version"] == "v0.0.2"
    image = min((checkout / "project/later").glob("*.png")).read_bytes()
    findings = asked(f"{endpoint}/score", image)["images"][0]["findings"]
    assert all(0 <= finding["probability"] <= 1 for finding in findings) and len(findings) == 4


def test_its_command_line_is_there(checkout: Path) -> None:
    assert (checkout / ".venv/bin/cxr").is_file()
    assert "v0.0.2" in run(checkout, "-c", "from command.doctor import show; show()")
