"""`make repro` says what to do where params.yaml or its data are not as they should be, and ends as it says."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from cxr.params import preset
from flows import pipeline
from flows.repo.reproduce import missing_set
from flows.support.params_check import faults

ROOT = Path(__file__).resolve().parents[2]
TYPOS = {"\ningest:": "\ningets:", "\n  set:": "\n  sett:", "\ntrain:": "\ntarin:", "\n  initial:": "\n  inital:"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data/raw").mkdir(parents=True)
    (tmp_path / "data/raw/dvc.yaml").write_text("stages: {phantom: {}}\n")
    (tmp_path / "params.yaml").write_text("ingest: {set: kermany}\n")
    return tmp_path


def test_a_set_that_nobody_added_is_named_with_the_command_that_adds_it(folder):
    assert "data/raw/kermany" in missing_set(folder)
    assert "make add-batch SET=kermany FROM=" in missing_set(folder)


def test_a_set_that_dvc_knows_is_to_be_pulled(folder):
    (folder / "data/raw/kermany.dvc").touch()
    assert "dvc pull data/raw/kermany.dvc" in missing_set(folder)


def test_nothing_is_said_of_a_set_that_is_there_or_that_a_stage_makes(folder):
    (folder / "data/raw/kermany").mkdir()
    assert missing_set(folder) == ""
    (folder / "params.yaml").write_text("ingest: {set: phantom}\n")
    assert missing_set(folder) == ""
    for text in ("ingest: [", "ingest: {set: ../../etc}"):
        (folder / "params.yaml").write_text(text)
        assert missing_set(folder) == ""


@pytest.fixture
def copy(tmp_path):
    """A project of this pipeline and these stages in which nothing ran yet."""
    for name in ("dvc.yaml", "data/raw/dvc.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    for house in ("cxr", "stages"):
        (tmp_path / house).symlink_to(ROOT / house)
    (tmp_path / "params.yaml").write_text(preset.text(ROOT / "presets/tiny.yaml"))
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def mistype(folder, right):
    """Mistype the one place in params.yaml; the line that is to be said."""
    text = (folder / "params.yaml").read_text()
    assert text.count(right) == 1
    (folder / "params.yaml").write_text(text.replace(right, TYPOS[right]))
    wrong, meant = (word.strip(" \n:") for word in (TYPOS[right], right))
    section = {"sett": "ingest.", "inital": "train."}.get(wrong, "")
    return f"params.yaml: unknown key '{section}{wrong}': did you mean '{meant}'?"


@pytest.mark.parametrize("right", TYPOS)
def test_a_mistyped_key_that_dvc_reads_before_any_stage_is_refused_in_one_line(copy, right):
    assert faults(copy) == ""
    said = mistype(copy, right)
    assert faults(copy) == said


def test_make_repro_refuses_a_mistyped_section_before_dvc_reads_it(copy):
    said = mistype(copy, "\ningest:")
    done = repro(copy).communicate(timeout=120)[0]
    assert done.splitlines() == [said]


def test_the_pipeline_alone_refuses_it_as_well(copy, monkeypatch, capsys):
    said = mistype(copy, "\ntrain:")
    monkeypatch.chdir(copy)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert pipeline.main([]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == said


def repro(folder):
    """`make repro`'s command, started in a process group of its own."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.Popen(
        [sys.executable, "-m", "flows.repro"],
        cwd=folder,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.fixture
def one_stage(tmp_path):
    """Makes a project of one stage with the given lines of Python."""

    def make(code):
        (tmp_path / "stage.py").write_text(code)
        stage = {"cmd": "python stage.py", "deps": ["stage.py"], "outs": ["made.txt"]}
        (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"one": stage}}))
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
        subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=tmp_path, check=True)
        return tmp_path

    return make


def test_a_stage_that_fails_ends_make_repros_command_with_1(one_stage):
    child = repro(one_stage("raise SystemExit(7)"))
    said = child.communicate(timeout=120)[0]
    assert child.returncode == 1, said
    assert "a stage failed: mend what its last lines say" in said


def test_an_interrupt_of_a_stage_ends_it_with_130(one_stage):
    folder = one_stage(
        "import pathlib, sys, time\ntry:\n    pathlib.Path('begun').touch()\n    time.sleep(600)\n"
        "except KeyboardInterrupt:\n    sys.exit(130)\n"
    )
    child, until = repro(folder), time.monotonic() + 120
    while not (folder / "begun").exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)
    said = child.communicate(timeout=120)[0]
    assert child.returncode == 130, said
    assert "interrupted: `make repro` goes on where it stopped" in said
