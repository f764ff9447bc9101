"""dvc.yaml says exactly what each stage depends on: sources, sections of params.yaml, earlier outputs."""
import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
# Sources that every stage imports but that can't change a byte of an output: start and end of a process, the schema
# (every value it checks stands in params.yaml itself), where caches lie.
NO_BYTES = {"stages/__init__.py", "stages/images/__init__.py", "stages/entry.py", "stages/lifeline.py",
            "stages/work.py", "stages/params"}
SECTIONS = {
    "phantom": {"machine", "phantom"}, "ingest": {"ingest", "machine"}, "validate": {"validate"},
    "preprocess": {"machine", "preprocess"}, "train": {"machine", "train"},
    "compress": {"compress", "machine", "train"}, "evaluate": {"evaluate", "machine"},
    "explain": {"explain", "machine"}, "report": {"evaluate", "ingest", "phantom", "report"}, "check": set(),
}


def stages():
    both = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    return both | yaml.safe_load((ROOT / "data/raw/dvc.yaml").read_text())["stages"]


def room_of(module):
    """`stages/<package>` or `stages/<module>.py` of a dotted name below `stages`; files of images stand alone."""
    parts = module.split(".")
    if len(parts) < 2:
        return "stages/__init__.py"
    if parts[1] == "images":
        return f"stages/images/{parts[2] if len(parts) > 2 else '__init__'}.py"
    place = ROOT / "stages" / parts[1]
    return f"stages/{parts[1]}" if place.is_dir() else f"stages/{parts[1]}.py"


def imported(path):
    """Dotted names below `stages` that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "stages":
            for name in node.names:
                full = f"{node.module}.{name.name}"
                place = ROOT / full.replace(".", "/")
                found.add(full if place.is_dir() or place.with_suffix(".py").exists() else node.module)
        elif isinstance(node, ast.Import):
            found |= {name.name for name in node.names if name.name.split(".")[0] == "stages"}
    return found


def files_of(room):
    place = ROOT / room
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]


def closure(room):
    """Rooms that a room imports, directly or not, itself among them."""
    seen, waiting = set(), [room]
    while waiting:
        room = waiting.pop()
        if room in seen:
            continue
        seen.add(room)
        waiting += [room_of(m) for path in files_of(room) for m in imported(path)]
    return seen


def declared_sources(stage):
    return {dep for dep in stage["deps"] if dep.startswith("stages/")}


@pytest.mark.parametrize("name", sorted(set(stages()) - {"check"}))
def test_the_source_dependencies_are_what_the_stage_imports(name):
    declared = {room_of(dep.removesuffix(".py").replace("/", ".")) for dep in declared_sources(stages()[name])}
    settled = {"stages/machine.py"} if "machine" in SECTIONS[name] else set()  # imported by stages/__init__.py
    assert declared == (closure(f"stages/{name}") - NO_BYTES - {"stages/machine.py"}) | settled


@pytest.mark.parametrize("name", sorted(stages()))
def test_a_stage_tracks_whole_sections_and_only_its_own(name):
    assert set(stages()[name].get("params", [])) == SECTIONS[name]


def test_no_stage_but_the_check_depends_on_the_whole_of_params_yaml():
    assert [name for name, stage in stages().items() if "params.yaml" in stage["deps"]] == ["check"]


def test_the_stages_have_the_names_that_others_script_against():
    names = list(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
    assert names == ["check", "ingest", "validate", "preprocess", "train", "compress", "evaluate", "explain", "report"]


def test_flows_and_stages_keep_apart():
    for path in (ROOT / "flows").rglob("*.py"):
        assert not imported(path), path
    for path in (ROOT / "stages").rglob("*.py"):
        text = path.read_text()
        assert "import prefect" not in text and "from flows" not in text and "import flows" not in text, path


def versioned(path):
    """Rooms that a file names in `code_version(...)`, directly or by its tuple CODE."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "code_version"
        listed = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "CODE"
        values = node.args if called else node.value.elts if listed and isinstance(node.value, ast.Tuple) else []
        rooms |= {value.value for value in values if isinstance(value, ast.Constant)}
    return rooms


@pytest.mark.parametrize("name", sorted(stages().keys() - {"check"}))
def test_a_code_version_covers_only_sources_that_the_stage_depends_on(name):
    """Else a change of another source changes what a run from nothing writes, and `dvc repro` sees nothing to do."""
    rooms = {room for path in files_of(f"stages/{name}") for room in versioned(path)}
    paths = {f"stages/{room}" if (ROOT / "stages" / room).is_dir() else f"stages/{room}.py" for room in rooms}
    deps = {dep for dep in stages()[name]["deps"] if dep.startswith("stages/")}
    assert {path for path in paths if not any(path == dep or path.startswith(f"{dep}/") for dep in deps)} == set()
    assert rooms or name not in {"ingest", "preprocess", "train", "compress"}
