"""Processes that are found again and stopped."""

import os
from pathlib import Path

from flows.server import services


def test_a_service_is_found_again_by_its_start_and_stopped(tmp_path: Path) -> None:
    pid = services.start("sleeper", ["sleep", "60"], tmp_path, dict(os.environ))
    assert services.start("sleeper", ["sleep", "60"], tmp_path, dict(os.environ)) == pid
    assert services.stop("sleeper", tmp_path) and not services.stop("sleeper", tmp_path)
    (tmp_path / "sleeper.pid").write_text(f"{os.getpid()} 1\n")
    assert services.running("sleeper", tmp_path) is None, "another process that got the same pid"
