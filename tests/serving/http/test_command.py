"""The endpoint's command: what it logs reaches the console as lines of its own."""

import logging

import pytest

from serving.http import command, log_writer


def test_what_the_endpoint_logs_stands_on_stderr_once_under_its_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("serving"), "handlers", [])
    command._show_messages()
    command._show_messages()
    log_writer.logger.error("the scoring log was not written: %s", "disk full")
    assert capsys.readouterr().err == "serve: the scoring log was not written: disk full\n"
