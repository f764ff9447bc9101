"""Only what depends re-runs: each parameter and each source file makes exactly the expected stages stale."""
import contextlib
import os
import sys

import pytest
import yaml
from dvc.repo import Repo

from tests.fixtures.workspace import ROOT

LEARNED = {"train", "compress"}
USERS = {  # section of params.yaml -> stages that are stale when one of its keys changes
    "machine": {"phantom", "ingest", "preprocess", "train", "compress", "evaluate", "explain"},
    "phantom": {"phantom", "report"},
    "ingest": {"ingest", "report"}, "validate": {"validate"}, "preprocess": {"preprocess"},
    "train": LEARNED, "compress": {"compress"}, "evaluate": {"evaluate", "report"}, "explain": {"explain"},
    "report": {"report"}, "score": set(), "monitor": set(), "retrain": set(),
}
ALL = {"phantom", "ingest", "validate", "preprocess", "train", "compress", "evaluate", "explain", "report"}
SOURCES = {  # room below stages/ -> stages that are stale when one of its files changes
    "artifacts.py": ALL, "machine.py": USERS["machine"], "manifest.py": ALL - {"phantom", "report"},
    "shards.py": {"preprocess", "train", "compress", "evaluate", "explain"},
    "calibration.py": {"train", "compress", "evaluate"}, "measures.py": {"train", "compress", "evaluate"},
    "inference.py": {"train", "compress", "evaluate"}, "session.py": {"train", "compress", "explain"},
    "learning": LEARNED, "nets": {"train", "compress", "explain"},
    "modelfolder": {"train", "compress", "evaluate", "explain"},
    "batches": {"ingest", "preprocess"}, "images/__init__.py": set(), "images/statistics.py": {"ingest"},
    "images/decode.py": {"ingest", "preprocess", "train", "compress"},
    "images/chain.py": {"preprocess", "train", "compress"},
    "crew.py": {"phantom", "ingest", "preprocess"}, "dvc_objects.py": {"ingest", "preprocess"},
    "latency.py": {"evaluate"},
    "score": set(), "serve": set(), "monitor": set(), "feedback": set(), "gate": set(), "production": set(),
    "entry.py": set(), "lifeline.py": set(), "work.py": set(), "__init__.py": set(), "predict": set(),
    "params": {"check"},
} | {name: {name} for name in ALL}


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


PARAMETERS = list(leaves(yaml.safe_load((ROOT / "presets/tiny.yaml").read_text())))
FILES = sorted(p.relative_to(ROOT / "stages").as_posix() for p in (ROOT / "stages").rglob("*")  # templates, styles too
               if p.is_file() and p.suffix != ".pyc")


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
            found, expected = stale(unhurt.folder), USERS[place[0]] | {"check"}
            if place == ("ingest", "set"):  # the raw data of another set are another dependency
                expected = expected | {"preprocess"}
            if found != expected:
                wrong[".".join(place)] = (found, expected)
    finally:
        path.write_text(before)
        another.rmdir()
    assert wrong == {}
    assert len(PARAMETERS) > 50


def test_a_source_file_of_each_room_makes_exactly_its_stages_stale(unhurt):
    room = {(name if name in SOURCES else name.split("/")[0], name.rpartition(".")[2]): name for name in FILES}
    assert {name for name, _ in room} ^ set(SOURCES) == set()
    assert {("report", "html"), ("report", "css"), ("validate", "j2"), ("validate", "css")} <= room.keys()
    assert wrongly_stale(unhurt, room.values()) == {}


@pytest.mark.slow
def test_every_source_file_makes_exactly_its_stages_stale(unhurt):
    assert wrongly_stale(unhurt, FILES) == {}


def wrongly_stale(unhurt, names):
    """File to (found, expected), where they differ."""
    wrong = {}
    for name in names:
        expected = SOURCES.get(name, SOURCES.get(name.split("/")[0]))
        path = unhurt.folder / "stages" / name
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
