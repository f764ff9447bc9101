"""What the masks take out, and what they leave."""

from pathlib import Path

import pytest

from command.doctor.masking import mask


@pytest.fixture(autouse=True)
def mary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/mary")
    monkeypatch.setenv("LOGNAME", "mary")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("/home/mary/cxr (there)", "~/cxr (there)"),
        ("/home/mary", "~"),
        ("/home/maryland", "/home/maryland"),
        ("/data/mary/cxr", "/data/***/cxr"),
        ("summary", "summary"),
        ("s3://key:word@host/bucket", "s3://***@host/bucket"),
        ("git@host.org:team/cxr", "***@host.org:team/cxr"),
    ],
)
def test_a_line_is_masked(said: str, shown: str) -> None:
    assert mask(said) == shown


def test_a_secret_of_the_environment_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_SERVE_TOKEN", "tick-tock")
    assert mask("said tick-tock") == "said ***"


def test_a_home_that_is_the_root_of_the_disk_masks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")
    assert mask("/tmp/cxr") == "/tmp/cxr" and Path.home() == Path("/")
