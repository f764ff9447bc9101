"""Only what depends re-runs: each parameter and each source file makes exactly the expected stages stale."""

import contextlib
import os
import sys

import pytest
import yaml
from dvc.repo import Repo

from cxr.core.code_version import stage_sources
from cxr.params.preset import text
from tests.fixtures.workspace import ROOT, STAGES, tracked_sections

LEARNED = {"train", "compress"}
USERS = {  # section of params.yaml -> stages that are stale when one of its keys changes
    "machine": {"phantom", "ingest", "preprocess", "train", "compress", "evaluate", "explain"},
    "phantom": {"phantom", "report"},
    "ingest": {"ingest", "report"},
    "validate": {"validate"},
    "preprocess": {"preprocess"},
    "train": LEARNED,
    "compress": {"compress"},
    "evaluate": {"evaluate", "report"},
    "explain": {"explain"},
    "report": {"report"},
    "score": set(),
    "monitor": set(),
    "retrain": set(),
}
ALL = {"phantom", "ingest", "validate", "preprocess", "train", "compress", "evaluate", "explain", "report"}
LATER = set(STAGES) - ALL  # stages that came since: their own section, and the folders that dvc.yaml lists for them
PACKAGES = ("cxr", "serving", "stages")
SOURCES = {  # folder -> stages that are stale when one of its files changes
    "cxr/core": ALL | {"check"},
    "cxr/params": {"check"},
    "cxr/runtime": set(),
    "cxr/data": ALL - {"phantom"},
    "cxr/imaging": {"ingest", "preprocess"},
    "cxr/raw": {"ingest", "preprocess"},
    "cxr/model": {"train", "compress", "evaluate", "explain", "report"},
    "cxr/selection": {"train", "compress", "evaluate"},
    "cxr/metrics": {"evaluate"},
    "cxr/nets": {"train", "compress", "explain"},
    "cxr/training": LEARNED,
    "cxr/explanation": {"explain"},
    **{f"{package}/__init__.py": set() for package in PACKAGES},
    "stages/check": {"check"},
    "stages/former_names": set(),
    **{f"stages/{name}": {name} for name in ALL},
    **{
        f"serving/{name}": set()
        for name in ("feedback", "gate", "http", "log", "monitor", "predict", "registry", "score")
    },
}


def users(section):
    """Stages that are stale when a key of the section changes."""
    return USERS.get(section, {section}) | {name for name in LATER if section in tracked_sections(name)}


def built_from(folder):
    """Stages that are stale when a file of the folder changes."""
    known = SOURCES.get(folder, {folder.removeprefix("stages/")} & LATER)
    return known | {name for name in LATER if folder in stage_sources(name)}


def stale(folder):
    """Names of the stages that `dvc status` calls changed in themselves."""
    with contextlib.chdir(folder), Repo(".") as repo:
        return {name.split(":")[-1] for name in repo.status()}


def leaves(section, place=()):
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*place, key))
        else:
            yield (*place, key)


def other(value):
    """A value that is not the one given."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else ["other"] if isinstance(value, list) else "other"


PARAMETERS = list(leaves(yaml.safe_load(text(ROOT / "presets/tiny.yaml"))))
FILES = sorted(
    p.relative_to(ROOT).as_posix()
    for package in PACKAGES
    for p in (ROOT / package).rglob("*")
    if p.is_file() and p.suffix not in (".pyc", ".md")
)  # templates and styles, too; a package's own page lies in no stage's folder


def test_every_parameter_makes_exactly_its_stages_stale(unhurt):
    path = unhurt.folder / "params.yaml"
    before = path.read_text()
    assert stale(unhurt.folder) == set()
    wrong = {}
    another = unhurt.folder / "data/raw/other"  # the set that `other` names
    another.mkdir()
    try:
        for place in PARAMETERS:
            content = yaml.safe_load(before)
            section = content
            for key in place[:-1]:
                section = section[key]
            section[place[-1]] = other(section[place[-1]])
            path.write_text(yaml.safe_dump(content))
            found, expected = stale(unhurt.folder), users(place[0]) | {"check"}
            if place == ("ingest", "set"):  # the raw data of another set are another dependency
                expected = expected | {"preprocess"}
            if found != expected:
                wrong[".".join(place)] = (found, expected)
    finally:
        path.write_text(before)
        another.rmdir()
    assert wrong == {}
    assert len(PARAMETERS) > 50


def folder_of(name):
    """`cxr/core`, or the file itself where it stands in a package's own folder."""
    return "/".join(name.split("/")[:2])


def test_a_source_file_of_each_folder_makes_exactly_its_stages_stale(unhurt):
    one = {(folder_of(name), name.rpartition(".")[2]): name for name in FILES}
    assert {folder for folder, _ in one} ^ set(SOURCES) == {f"stages/{name}" for name in LATER}
    assert {
        ("stages/report", "html"),
        ("stages/report", "css"),
        ("stages/validate", "j2"),
        ("stages/validate", "css"),
    } <= one.keys()
    assert wrongly_stale(unhurt, one.values()) == {}


@pytest.mark.slow
def test_every_source_file_makes_exactly_its_stages_stale(unhurt):
    assert wrongly_stale(unhurt, FILES) == {}


def wrongly_stale(unhurt, names):
    """File to (found, expected), where they differ."""
    wrong = {}
    for name in names:
        expected = built_from(folder_of(name))
        path = unhurt.folder / name
        before, times = path.read_bytes(), path.stat()
        try:
            path.write_bytes(before + b"\n# changed\n")
            found = stale(unhurt.folder)
        finally:
            path.write_bytes(before)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        if found != expected:
            wrong[name] = (found, expected)
    return wrong


@pytest.mark.parametrize("typo", ["epochs: 3", "\nevaluate:"])
def test_a_mistyped_key_stops_dvc_repro_before_any_stage_runs(unhurt, typo):
    path = unhurt.folder / "params.yaml"
    before = path.read_text()
    assert before.count(typo) == 1
    try:
        path.write_text(before.replace(typo, typo.replace("lua", "lau").replace("epochs", "epohs")))
        done = unhurt.repro(check=False)
    finally:
        path.write_text(before)
    assert done.returncode != 0
    assert "did you mean" in done.stderr + done.stdout
    assert "Running stage 'ingest'" not in done.stdout
    mended = unhurt.repro()
    assert mended.stdout.count("Running stage") == mended.stdout.count("Running stage 'check'") == 1
    assert stale(unhurt.folder) == set()


def test_a_mistyped_section_that_dvc_yaml_reads_stops_make_repro_before_dvc(unhurt):
    path = unhurt.folder / "params.yaml"
    before = path.read_text()
    assert before.count("\ntrain:") == 1
    try:
        path.write_text(before.replace("\ntrain:", "\ntarin:"))
        done = unhurt.run(sys.executable, "-m", "flows.repro", check=False)
    finally:
        path.write_text(before)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["params.yaml: unknown key 'tarin': did you mean 'train'?"]
    assert "Running stage" not in done.stdout
    assert stale(unhurt.folder) == set()
