"""The variables of server and workers."""

from pathlib import Path

import pytest

from flows.server import environment
from flows.support.settings import from_environment


def test_the_server_listens_on_loopback_unless_told_and_one_setting_is_its_password_on_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CXR_HOST", "CXR_PORT", "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"):
        monkeypatch.delenv(name, raising=False)
    assert (from_environment().host, from_environment().port) == ("127.0.0.1", 4200)
    monkeypatch.setenv("CXR_AUTH", "admin:hunter2")
    made = environment.variables(from_environment(), tmp_path)
    assert made["PREFECT_SERVER_API_AUTH_STRING"] == made["PREFECT_API_AUTH_STRING"] == "admin:hunter2"


def test_without_a_server_a_run_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://user:word@127.0.0.1:9/api")
    assert environment.run_deployment("retrain/retrain", {}, from_environment()) == 1
    assert capsys.readouterr().err == (
        "no Prefect server answers at http://***@127.0.0.1:9/api: `make up` starts one here\n"
    )
