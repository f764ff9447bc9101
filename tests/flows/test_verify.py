"""`make verify` makes everything again, whatever caches lie about, and names the file that differs and where."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cxr.runtime.previous_outputs import recorded
from flows import verify
from flows.repo.lockfile import LOCKS
from tests.fixtures.flows_project import git, make


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The miniature, run once, with a cache that the user's own DVC configuration shares with every clone."""
    made = make(tmp_path)
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "config").write_text(f"[cache]\n    dir = {tmp_path / 'shared-cache'}\n")
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(settings))
    monkeypatch.setenv("RAN", str(made.ran))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(made.checkout)
    return made


def repro(project):
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], check=True)
    assert (project.checkout.parent / "shared-cache/runs").is_dir() and not (project.checkout / ".dvc/cache").exists()
    git(project.checkout, "add", *LOCKS)
    git(project.checkout, "commit", "-qm", "made")
    made = project.runs()
    project.forget()
    return made


def test_every_stage_is_made_again_beside_a_shared_cache_and_a_run_cache(project, capfd):
    made = repro(project)
    assert verify.main([]) == 0
    assert sorted(project.runs()) == sorted(made) and len(made) == 10
    assert "have the same bytes in a second clone made from nothing" in capfd.readouterr().out
    assert not list(project.checkout.parent.glob("cxr-verify-*/clone"))


def test_a_file_that_differs_is_named_with_the_place(project, capfd):
    path = project.checkout / "work/stage.py"
    path.write_text(
        path.read_text().replace("made = {", "made = {**({'at': time.time_ns()} if name == 'validate' else {}), ")
    )
    project.commit("validate writes the time")
    repro(project)
    assert verify.main([]) == 1
    said = capfd.readouterr().out
    assert "verify: these outputs differ:" in said
    assert f"{project.checkout}/metrics/validate.json: first differs at byte " in said
    assert "data/manifest.parquet" not in said.partition("these outputs differ")[2]


def test_the_second_clone_has_nothing_by_which_a_stage_finds_earlier_outputs(project, tmp_path):
    repro(project)
    (project.checkout / "params.yaml").write_text((project.checkout / "params.yaml").read_text() + "# changed\n")
    place = tmp_path / "second"
    verify.second_clone(project.checkout, place)
    assert recorded("data/processed", project=project.checkout)
    assert recorded("data/processed", project=place) == []
    assert (place / "params.yaml").read_text().endswith("# changed\n")
    shown = subprocess.run([sys.executable, "-m", "dvc", "cache", "dir"], cwd=place, capture_output=True, text=True)
    assert shown.stdout.strip() == str(place / ".dvc/cache")


def test_without_a_run_there_is_nothing_to_compare_with(project, capsys):
    assert verify.main([]) == 1
    assert "run `make repro` first" in capsys.readouterr().err
