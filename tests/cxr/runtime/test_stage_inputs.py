"""What a stage reads and is not there, by name, with what makes it."""

import shutil
import subprocess
import sys

import pytest

from cxr.runtime import stage_inputs
from tests.fixtures.made_sets import put


@pytest.fixture
def project(root, tmp_path):
    """The pipeline's files alone."""
    (tmp_path / "data/raw").mkdir(parents=True)
    for name in ("dvc.yaml", "params.yaml", "data/raw/dvc.yaml"):
        shutil.copy(root / name, tmp_path / name)
    return tmp_path


def outputs(project):
    """All files but the log of libraries, which is begun before the stage."""
    return sorted(path for path in project.rglob("*") if ".runs" not in path.parts)


def test_each_is_named_with_the_stage_that_makes_it(project):
    found = stage_inputs.missing("compress", project)
    assert found == [
        "data/manifest.parquet is not there: the stage ingest makes it; `make repro` runs what is lacking",
        "data/processed is not there: the stage preprocess makes it; `make repro` runs what is lacking",
        "models/base is not there: the stage train makes it; `make repro` runs what is lacking",
    ]
    put(project, {"data/manifest.parquet": "", "data/processed/chain.json": "", "models/base/card.json": ""})
    assert stage_inputs.missing("compress", project) == []


@pytest.mark.parametrize(
    ("files", "how"),
    [
        ({}, "`make add-batch SET=mine FROM=folder` puts it there"),
        ({"data/raw/mine.dvc": "outs: []"}, "`dvc pull data/raw/mine.dvc` fetches it"),
    ],
)
def test_a_set_that_is_not_there_is_named_with_what_brings_it(project, files, how):
    text = (project / "params.yaml").read_text().replace("  set: phantom", "  set: mine")
    put(project, {"params.yaml": text, "data/params.ok": "", **files})
    assert stage_inputs.missing("ingest", project) == [f"data/raw/mine is not there: {how}"]


def test_what_is_no_stage_of_the_pipeline_reads_nothing(project, tmp_path):
    assert stage_inputs.missing("score", project) == []
    assert stage_inputs.missing("train", tmp_path / "elsewhere") == []


@pytest.mark.parametrize("stage", ["compress", "explain", "report"])
def test_a_stage_started_by_hand_says_it_and_writes_nothing(root, project, stage):
    for package in ("cxr", "stages"):
        (project / package).symlink_to(root / package)
    before = outputs(project)
    ended = subprocess.run([sys.executable, "-m", f"stages.{stage}"], cwd=project, capture_output=True, text=True)
    assert ended.returncode == 1
    lines = ended.stderr.splitlines()
    assert lines and all(line.startswith(f"{stage}: ") and "is not there: the stage " in line for line in lines)
    assert outputs(project) == before


@pytest.mark.parametrize(("given", "status"), [("--help", 0), ("-h", 0), ("--epochs", 2)])
@pytest.mark.parametrize("module", ["stages.check", "stages.train", "stages.report.headline"])
def test_a_command_without_arguments_says_what_it_is_and_runs_nothing(root, project, module, given, status):
    for package in ("cxr", "stages"):
        (project / package).symlink_to(root / package)
    before = sorted(project.rglob("*"))
    ended = subprocess.run([sys.executable, "-m", module, given], cwd=project, capture_output=True, text=True)
    assert ended.returncode == status
    assert f"python -m {module}" in (ended.stdout if status == 0 else ended.stderr)
    assert sorted(project.rglob("*")) == before
