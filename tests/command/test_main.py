"""The words of `cxr`: listed without an import, run in the project's folder, wrong ones answered with a suggestion."""

import importlib.util
import os
import subprocess
import sys

import pytest

from command import main
from command.words import WORDS

HEAVY = {"numpy", "cv2", "yaml", "pandas", "prefect", "tensorflow", "pydantic"}


def cxr(root, *arguments: str, cwd=None) -> subprocess.CompletedProcess:
    """What the script `cxr` of the checkout does."""
    return subprocess.run(
        [sys.executable, "-m", "command", *arguments],
        cwd=cwd or root,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )


def test_help_lists_every_word_and_imports_no_area(root):
    code = (
        "import sys; from command.main import main; main(['--help']); "
        f"print(sorted({HEAVY} & set(sys.modules)), [name for name in sys.modules if name in "
        "('cxr', 'stages', 'serving', 'flows')])"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert shown.stdout.splitlines()[-1] == "[] []"
    assert all(f"  {name} " in shown.stdout for name in WORDS)


@pytest.mark.parametrize("name", WORDS)
def test_a_word_has_a_module_with_an_application(name):
    assert importlib.util.find_spec(WORDS[name].module) is not None


@pytest.mark.parametrize("name", WORDS)
def test_the_help_of_a_word_names_its_exit_statuses_and_runs_nothing(root, tmp_path, name):
    (tmp_path / "stages").mkdir()
    for file in ("dvc.yaml", "params.yaml"):
        (tmp_path / file).write_text((root / file).read_text())
    shown = cxr(root, name, "--help", cwd=tmp_path)
    assert shown.returncode == 0 and shown.stdout.startswith(f"Usage: cxr {name}"), shown.stderr
    assert "Exit status: " in shown.stdout or "Commands:" in shown.stdout
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["dvc.yaml", "params.yaml", "stages"]


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        (["scor"], 2, "Did you mean 'score'"),
        (["score", "--agian"], 2, "--again"),
        ([], 2, ""),
        (["--project", "nowhere", "score"], 1, "cxr: nowhere: no project is there"),
    ],
)
def test_a_wrong_command_line_is_answered_in_a_line(capsys, given, status, words):
    assert main.main(given) == status
    assert words in capsys.readouterr().err


def test_a_path_starts_where_the_user_called(root, tmp_path):
    shown = cxr(root, "--project", str(root), "score", "studies", cwd=tmp_path)
    assert shown.returncode == 1
    assert f"{tmp_path}/studies: no such folder" in shown.stderr


def test_a_word_that_the_set_up_lacks_a_package_for_is_answered_in_a_line(monkeypatch, capsys):
    def lacking(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(main, "app", lambda **given: lacking("prefect.client"))
    assert main.main(["up"]) == 1
    assert capsys.readouterr().err == "cxr: this needs prefect.client, which this set-up lacks: `make setup`\n"
    monkeypatch.setattr(main, "app", lambda **given: lacking("flows.gone"))
    with pytest.raises(ModuleNotFoundError):  # a defect of ours is not taken for a small set-up
        main.main(["up"])


def test_a_project_may_be_named_by_a_relative_path(root, tmp_path):
    """compose-spec/compose-go#147: paths of the command line start where the user is, whatever the project's folder."""
    (tmp_path / "here").mkdir()
    (tmp_path / "project").symlink_to(root)
    shown = cxr(root, "--project", "../project", "score", "studies", cwd=tmp_path / "here")
    assert f"{tmp_path}/here/studies: no such folder" in shown.stderr


def test_a_project_of_another_version_is_said_in_a_line(root, tmp_path):
    for name in ("dvc.yaml", "params.yaml", "stages/__init__.py", "serving/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    shown = cxr(root, "score", cwd=tmp_path)
    assert shown.returncode == 1 and shown.stderr.count("\n") == 1
    assert f"cxr: the code in {tmp_path} is of another version" in shown.stderr


def test_a_working_folder_that_is_gone_is_said_in_a_line(root, tmp_path):
    gone = tmp_path / "gone"
    code = (
        f"import os; os.mkdir({str(gone)!r}); os.chdir({str(gone)!r}); os.rmdir({str(gone)!r}); "
        "from command.main import main; raise SystemExit(main(['score']))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert shown.returncode == 1 and shown.stderr == "cxr: the working folder was removed; go to one that is there\n"


@pytest.mark.parametrize("words", [["--help"], ["doctor"], ["preset", "list"]])
def test_output_that_nobody_reads_to_its_end_is_no_traceback(root, words):
    """Backblaze/B2_Command_Line_Tool#1071: `... | head -1`."""
    shown = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m command {' '.join(words)} | true"],
        cwd=root,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert shown.stderr == ""


def test_a_terminal_that_knows_only_ascii_is_written_to(root, tmp_path):
    """Backblaze/B2_Command_Line_Tool#914."""
    plain = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    shown = subprocess.run(
        [sys.executable, "-m", "command", "score", str(tmp_path / "\u00fc")],
        cwd=root,
        capture_output=True,
        text=True,
        env={**os.environ, **plain},
    )
    assert shown.returncode == 1 and "no such folder" in shown.stderr and "Traceback" not in shown.stderr
