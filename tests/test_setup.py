"""The set-up, with programs that only write down how they were called."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = '#!/bin/sh\necho "outside $*" >> "$CALLS"\n'
WITHOUT_PIP = '#!/bin/sh\necho "inside $*" >> "$CALLS"\ncase "$*" in "-m pip"*) exit 1;; esac\n'


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def set_up(tmp_path: Path, uv: str, extra: str = "cpu") -> list[str]:
    """Calls that the set-up makes in a copy whose folder is reached through a link, .venv in front as make has it."""
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    for name in ("python", "python3"):
        program(tmp_path / ".venv/bin" / name, WITHOUT_PIP)
    program(tmp_path / ".venv/bin/uv", f'#!/bin/sh\necho "uv $*" >> "$CALLS"\n{uv}\n')
    program(tmp_path / "outside/python3", OUTSIDE)
    (tmp_path / "link").symlink_to(tmp_path)
    inside = f"{tmp_path}/.venv/bin"
    path = f"{inside}:{tmp_path}/link/.venv/bin:{tmp_path}/outside:{inside}:{os.environ['PATH']}"
    subprocess.run(
        ["bash", "requirements/setup.sh", "python3", extra],
        cwd=tmp_path / "link",
        check=True,
        capture_output=True,
        env=os.environ | {"PATH": path, "CALLS": str(tmp_path / "calls"), "PWD": str(tmp_path / "link")},
    )
    return (tmp_path / "calls").read_text().splitlines()


def test_new_requirements_are_installed_by_the_python_outside_where_the_one_inside_has_no_pip(tmp_path):
    calls = set_up(tmp_path, uv="true")
    outside = [call for call in calls if call.startswith("outside -m pip --python .venv/bin/python install")]
    assert outside and "uv.txt" in outside[-1]
    assert "requirements/cpu.txt" in calls[-2] and calls[-2].startswith("uv pip install")
    assert "--require-hashes" in calls[-2] and "--require-hashes" in calls[-3]


def test_the_checkout_is_linked_without_a_look_at_the_network(tmp_path):
    linked = set_up(tmp_path, uv="true")[-1].split()
    assert {"--offline", "--no-deps", "--no-build-isolation", "--editable", "."} <= set(linked)


def test_pip_installs_and_links_where_uv_fails(tmp_path):
    calls = set_up(tmp_path, uv="exit 1")
    *_, installed, linked = [call for call in calls if call.startswith("outside -m pip --python")]
    assert "--require-hashes" in installed and "requirements/cpu.txt" in installed
    assert {"--no-index", "--no-deps", "--no-build-isolation", "--editable"} <= set(linked.split())


def test_an_environment_that_only_scores_keeps_no_uv(tmp_path):
    calls = set_up(tmp_path, uv="true", extra="serve")
    assert any(call.startswith("uv pip uninstall") for call in calls)
    assert not any("--compile-bytecode" in call for call in calls)
