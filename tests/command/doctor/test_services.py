"""Remotes of every kind, a server that answers, refuses or is gone, and what is in production."""

import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from command.doctor import services
from command.doctor.services import Remote


class Guarded(BaseHTTPRequestHandler):
    """Answers 401 to everything."""

    def do_GET(self) -> None:
        self.send_error(401)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Guarded)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


def configured(top: Path, name: str, text: str) -> None:
    (top / ".dvc").mkdir(exist_ok=True)
    (top / ".dvc" / name).write_text(text)


def test_the_local_file_goes_before_the_shared_one_and_the_variable_before_both(tmp_path: Path, monkeypatch) -> None:
    assert services.remote_of(tmp_path) is None
    configured(tmp_path, "config", "[core]\n    remote = team\n['remote \"team\"']\n    url = s3://bucket/50%\n")
    assert services.remote_of(tmp_path) == Remote("team", "s3://bucket/50%")
    configured(tmp_path, "config.local", "['remote \"team\"']\n    endpointurl = http://127.0.0.1:1\n")
    assert services.remote_of(tmp_path) == Remote("team", "s3://bucket/50%", "http://127.0.0.1:1")
    monkeypatch.setenv("CXR_REMOTE", "/store")
    assert services.remote_of(tmp_path) == Remote("CXR_REMOTE", "/store")


def test_a_folder_is_there_or_not_as_dvc_reads_its_path(tmp_path: Path) -> None:
    configured(tmp_path, "config", "[core]\nremote = own\n['remote \"own\"']\nurl = ../store\n")
    assert services.dvc_remote(tmp_path) == "own: folder ../store, NOT there"
    (tmp_path / "store").mkdir()
    assert services.dvc_remote(tmp_path) == "own: folder ../store, there"


def test_a_server_takes_a_connection_or_not(tmp_path: Path, port: int, closed_port: int) -> None:
    assert services.reachable(Remote("r", f"ssh://127.0.0.1:{port}/store"), tmp_path) == "answers"
    assert services.reachable(Remote("r", f"ssh://127.0.0.1:{closed_port}/store"), tmp_path) == "does NOT answer"
    assert services.reachable(Remote("r", "s3://bucket", f"http://127.0.0.1:{port}"), tmp_path) == "answers"
    assert services.reachable(Remote("r", "s3://bucket"), tmp_path).startswith("not asked")


def test_the_server_that_is_named_is_asked(tmp_path: Path, monkeypatch, port: int, closed_port: int) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{port}/api")
    assert services.prefect(tmp_path).endswith("answers, and asks for a password")
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{closed_port}/api")
    assert services.prefect(tmp_path).endswith("does NOT answer")


def test_an_own_server_that_does_not_run_and_a_wrong_setting_are_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    assert services.prefect(tmp_path).startswith("own server: not running")
    monkeypatch.setenv("CXR_PORT", "many")
    assert "CXR_PORT" in services.prefect(tmp_path)


def test_nothing_in_production_is_no_fault(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("CXR_PRODUCTION", raising=False)
    assert "no model is in production" in services.production(tmp_path)
