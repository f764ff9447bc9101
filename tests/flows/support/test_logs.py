"""Where what flows log is shown."""

import logging

import pytest

from flows.support import logs


def test_a_command_shows_bare_messages_once_with_secrets_masked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CXR_AUTH", "admin:hunter2")
    logs.show_in_terminal()
    logs.show_in_terminal()
    logging.getLogger("flows.repo.git").info("the word is hunter2, 100% of it")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("the word is ***, 100% of it\n", "")
