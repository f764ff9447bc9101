"""`make up` opens nothing that nobody asked for."""

from pathlib import Path

import pytest

from flows import up
from flows.server import services


def test_the_server_is_not_opened_to_a_network_without_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    monkeypatch.setenv("CXR_GIT", str(tmp_path))
    monkeypatch.setenv("CXR_HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.delenv("CXR_AUTH", raising=False)
    assert up.main([]) == 1 and "CXR_AUTH" in capsys.readouterr().err
    assert not services.is_open("127.0.0.1") and not services.is_open("localhost") and services.is_open("10.0.0.1")
