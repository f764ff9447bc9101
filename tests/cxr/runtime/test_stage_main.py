"""How a stage ends: one readable line for what a user can cause, and the truth about what an interrupt cost."""

import os
import subprocess
import sys

import pytest

from cxr.core import errors
from cxr.core.errors import HashMismatch
from cxr.model import litert
from cxr.runtime import stage_main
from serving.registry import releases


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    monkeypatch.setattr(stage_main.signal, "signal", lambda *_: None)


def raising(error):
    def body(params):
        raise error

    return body


@pytest.mark.parametrize(
    "error",
    [
        errors.UserError("data/manifest.parquet: row 3"),
        HashMismatch("data/manifest.parquet: row 3"),
        litert.InferenceError("data/manifest.parquet: row 3"),
        releases.NothingInProduction("data/manifest.parquet: row 3"),
    ],
)
def test_what_a_user_can_cause_ends_in_one_line(capsys, error):
    assert stage_main.run("trial", raising(error)) == 1
    assert capsys.readouterr().err == "trial: data/manifest.parquet: row 3\n"


def test_a_file_that_may_not_be_read_is_named_in_one_line(capsys):
    assert stage_main.run("trial", raising(PermissionError(13, "Permission denied", "data/manifest.parquet"))) == 1
    assert capsys.readouterr().err == "trial: data/manifest.parquet: Permission denied; mend that and run it again\n"


def test_an_error_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        stage_main.run("trial", raising(ZeroDivisionError()))


@pytest.mark.parametrize("resumes", [True, False])
def test_only_a_stage_that_resumes_says_that_it_goes_on(capsys, resumes):
    assert stage_main.run("trial", raising(KeyboardInterrupt()), resumes) == 130
    said = capsys.readouterr().err
    assert ("goes on where it stopped" in said) is resumes
    assert ("begins this stage anew" in said) is not resumes


def test_a_message_is_shown_once_where_a_library_gives_the_root_logger_a_handler(root, tmp_path):
    code = (
        "import logging; from cxr.runtime import stage_main; stage_main.start('trial'); logging.basicConfig(); "
        "logging.getLogger('stages.train.run').info('trained')"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert ended.stderr == "trained\n"
