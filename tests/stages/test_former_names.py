"""Commands that moved out of `stages` answer to their former names for one release, and do the same."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from command import words
from tests.fixtures.workspace import ROOT

COMMANDS = {  # former name -> today's, and arguments that do no harm in an empty folder
    "stages.score": ("serving.score", ["--help"]),
    "stages.serve": ("serving.http", ["--port", "1"]),  # says that there is no params.yaml
    "stages.monitor": ("serving.monitor", ["--window", "many"]),
    "stages.gate": ("serving.gate", ["--help"]),
    "stages.feedback": ("serving.feedback", ["add", "--help"]),
    "stages.predict": ("serving.predict", ["models/absent", "image.png"]),
    "stages.production": ("serving.registry", ["rollback", "--to-be"]),
    "stages.batches": ("cxr.raw", ["add", "--set", "Not A Name", "--from", "."]),
    "stages.score.latency": ("serving.score.latency", ["--help"]),
    "stages.params": ("stages.check", []),
    "stages.params.preset": ("command.preset", ["absent"]),
}

WORDS = {word.module.removesuffix(".command"): f"cxr {name}" for name, word in words.WORDS.items()}


def ended(folder, module, arguments):
    """The command run in the folder, started as a user starts it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CXR_PRODUCTION": str(folder / "production")}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("former", COMMANDS)
def test_a_former_name_says_the_new_one_and_does_the_same(former, tmp_path):
    today, arguments = COMMANDS[former]
    expected, found = ended(tmp_path, today, arguments), ended(tmp_path, former, arguments)
    line, _, rest = found.stderr.partition("\n")
    assert f"python -m {former} is now {WORDS.get(today, f'python -m {today}')};" in line
    assert (found.returncode, found.stdout, rest) == (expected.returncode, expected.stdout, expected.stderr)
    assert expected.stdout or expected.stderr, "the command had something to say"


def test_a_former_name_does_the_work_too(tmp_path):
    (tmp_path / "presets").mkdir()
    for name in ("default", "tiny"):
        shutil.copy(ROOT / f"presets/{name}.yaml", tmp_path / "presets")
    assert ended(tmp_path, "stages.params.preset", ["tiny"]).returncode == 0
    assert ended(tmp_path, "stages.params", []).returncode == 0
    written = (tmp_path / "data/params.ok").read_bytes()
    (tmp_path / "data/params.ok").unlink()
    assert ended(tmp_path, "stages.check", []).returncode == 0
    assert (tmp_path / "data/params.ok").read_bytes() == written


def test_importing_stages_loads_no_other_module_of_the_project():
    code = "import json, sys, stages; print(json.dumps(sorted(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    packages = ("stages", "cxr", "serving", "flows")
    assert [name for name in json.loads(shown.stdout) if name.split(".")[0] in packages] == ["stages"]


@pytest.mark.parametrize("name", ["train", "check", "evaluate"])
def test_a_stage_is_found_in_its_own_folder(name):
    from importlib.util import find_spec

    assert find_spec(f"stages.{name}").origin == str(ROOT / f"stages/{name}/__init__.py")
