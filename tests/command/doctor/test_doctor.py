"""What `doctor` says as a whole: every group, quickly, never a traceback, nothing that names a person."""

import getpass
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from command import doctor
from cxr.runtime import command_line

ROOT = Path(__file__).resolve().parents[3]
GROUPS = ["machine", "software", "caps", "project", "disk", "services"]


def test_every_group_has_its_lines() -> None:
    found = doctor.findings(ROOT)
    assert list(found) == GROUPS
    assert dict(found["software"])["numpy"] == __import__("numpy").__version__
    assert all(value and "\n" not in value for lines in found.values() for _, value in lines)


def test_an_empty_folder_is_described_too(tmp_path: Path) -> None:
    found = doctor.findings(tmp_path)
    assert "no .venv" in dict(found["project"])["set-up"]
    assert dict(found["project"])["commit"].startswith("can't be told: OSError: fatal: not a git repository")
    assert dict(found["services"])["dvc remote"].startswith("none named")


def broken(_: Path) -> str:
    raise ValueError("first line\nsecond line")


def lacking(_: Path) -> str:
    raise ModuleNotFoundError("No module named 'prefect'", name="prefect")


def test_what_fails_is_said_in_its_line(tmp_path: Path) -> None:
    assert doctor.value_of(broken, tmp_path) == "can't be told: ValueError: first line"
    assert doctor.value_of(lacking, tmp_path) == "not part of this set-up (no prefect)"


def test_the_document_holds_what_the_text_says(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.show(as_json=True, top=ROOT)
    told = json.loads(capsys.readouterr().out)
    doctor.show(top=ROOT)
    shown = capsys.readouterr().out
    assert told["format"] == doctor.FORMAT and list(told["findings"]) == GROUPS
    assert all(name in shown for lines in told["findings"].values() for name in lines)
    assert told["findings"]["machine"]["processor"] in shown


def test_the_word_prints_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert command_line.run(doctor.app, ["--json"], "cxr doctor") == 0
    assert list(json.loads(capsys.readouterr().out)["findings"]) == GROUPS
    assert command_line.run(doctor.app, ["--jsn"], "cxr doctor") == 2


def test_neither_home_nor_the_user_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "mary.miller")
    monkeypatch.setenv("CXR_REMOTE", "ssh://mary.miller:word@127.0.0.1:1/home/mary.miller/store")
    shown = doctor.text(doctor.findings(tmp_path))
    assert getpass.getuser() == "mary.miller"
    assert str(tmp_path) not in shown and "mary.miller" not in shown and "word@" not in shown
    assert "(~)" in shown and "does NOT answer" in shown


def test_it_is_quick_and_loads_no_large_library() -> None:
    script = (
        "import sys; from command.doctor import findings; findings(); "
        "print({'tensorflow', 'prefect', 'dvc', 'cv2', 'pandas'} & set(sys.modules))"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert time.monotonic() - start < 10  # 0.5 to 1 s on an idle machine; the tests' may be busy
