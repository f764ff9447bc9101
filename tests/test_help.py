"""`--help` of everything that can be run says what it is and runs nothing."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("cxr", "stages", "serving", "flows", "command")
ENDS = {"cxr/runtime/process_tree.py"}  # a script for this project's own processes
FORMER = ("stages/former_names", "stages/__init__.py")  # answer in today's words: tests/stages/test_former_names.py
SILENT = ("cxr/runtime/stage_main.py",)  # speaks of __main__, and is none


def modules() -> list[str]:
    """Every module that ends in a call of its own, by the name that `python -m` takes."""
    paths = [
        path.relative_to(ROOT)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if 'if __name__ == "__main__"' in path.read_text()
    ]
    return [
        ".".join(path.with_suffix("").parts).removesuffix(".__main__")
        for path in paths
        if path.as_posix() not in {*ENDS, *SILENT} and not path.as_posix().startswith(FORMER)
    ]


def asked(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """`--help` of a command, in an empty folder."""
    folder.mkdir()
    return subprocess.run(
        [sys.executable, *words, "--help"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder.parent / "home")},
    )


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([["-m", name] for name in modules()], id="modules"),
        pytest.param(
            [[str(path)] for path in sorted((ROOT / "benchmarks").glob("*.py")) if "__main__" in path.read_text()],
            id="benchmarks",
        ),
        pytest.param([["-m", "demo.story"]], id="demo"),
    ],
)
def test_help_says_what_it_is_and_runs_nothing(words, tmp_path):
    folders = [tmp_path / str(number) for number in range(len(words))]
    with ThreadPoolExecutor(2) as threads:
        ended = list(threads.map(asked, words, folders))
    for command, end, folder in zip(words, ended, folders, strict=True):
        assert end.returncode == 0, (command, end.stderr)
        assert len(end.stdout.split()) > 10, command
        assert not list(folder.iterdir()), command


def test_what_can_be_run_is_found():
    assert {"stages.train", "serving.http", "flows.up", "command.preset", "cxr.raw"} <= set(modules())
