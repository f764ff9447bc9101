"""The variables of server and workers."""
from pathlib import Path

import pytest

from flows.server import environment
from flows.support.settings import from_environment


def test_the_server_listens_on_loopback_unless_told_and_one_setting_is_its_password_on_both_sides(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CXR_HOST", "CXR_PORT", "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"):
        monkeypatch.delenv(name, raising=False)
    assert (from_environment().host, from_environment().port) == ("127.0.0.1", 4200)
    monkeypatch.setenv("CXR_AUTH", "admin:hunter2")
    made = environment.variables(from_environment(), tmp_path)
    assert made["PREFECT_SERVER_API_AUTH_STRING"] == made["PREFECT_API_AUTH_STRING"] == "admin:hunter2"
