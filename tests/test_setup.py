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


def test_new_requirements_are_installed_by_the_python_outside_where_the_one_inside_has_no_pip(tmp_path):
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    for name in ("python", "python3"):
        program(tmp_path / ".venv/bin" / name, WITHOUT_PIP)
    program(tmp_path / ".venv/bin/uv", '#!/bin/sh\necho "uv $*" >> "$CALLS"\n')
    program(tmp_path / "outside/python3", OUTSIDE)
    (tmp_path / "link").symlink_to(tmp_path)
    inside = f"{tmp_path}/.venv/bin"  # as the Makefile has it, in a folder reached through a link, .venv activated
    path = f"{inside}:{tmp_path}/link/.venv/bin:{tmp_path}/outside:{inside}:{os.environ['PATH']}"
    subprocess.run(["bash", "requirements/setup.sh", "python3", "cpu"], cwd=tmp_path / "link", check=True,
                   capture_output=True, env=os.environ | {"PATH": path, "CALLS": str(tmp_path / "calls"),
                                                          "PWD": str(tmp_path / "link")})
    calls = (tmp_path / "calls").read_text().splitlines()
    outside = [call for call in calls if call.startswith("outside -m pip --python .venv/bin/python install")]
    assert outside and "uv.txt" in outside[-1]
    assert "requirements/cpu.txt" in calls[-1] and calls[-1].startswith("uv pip install")
    assert "--require-hashes" in calls[-1] and "--require-hashes" in calls[-2]
