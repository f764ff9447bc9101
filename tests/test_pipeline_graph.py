"""dvc.yaml says exactly what each stage depends on: sources, sections of params.yaml, earlier outputs.

The lists of sources are the one truth: a model's card and the checkpoints' keys read them from there, too.
"""

import ast
from functools import cache
from pathlib import Path

import grimp
import pytest
import yaml

from cxr.core.code_version import stage_code_version, stage_sources
from cxr.params.schema import Params

ROOT = Path(__file__).resolve().parents[1]
# What every stage imports and what can't change a byte of an output: start and end of a process, where caches lie, the
# schema (every value that it checks stands in params.yaml itself).
NO_BYTES = {"cxr/params", "cxr/runtime"}
ORDER = [
    "cxr/core",
    "cxr/params",
    "cxr/data",
    "cxr/imaging",
    "cxr/raw",
    "cxr/model",
    "cxr/selection",
    "cxr/metrics",
    "cxr/nets",
    "cxr/training",
    "cxr/export",
    "cxr/explanation",
]
SECTIONS = {  # where they are others than the stage's own, if the schema has one
    "phantom": {"machine", "phantom"},
    "ingest": {"ingest", "machine"},
    "preprocess": {"machine", "preprocess"},
    "train": {"machine", "train"},
    "compress": {"compress", "machine", "train"},
    "evaluate": {"evaluate", "machine"},
    "explain": {"explain", "machine"},
    "report": {"evaluate", "ingest", "phantom", "report"},
}
PROMISED = ["check", "ingest", "validate", "preprocess", "train", "compress", "evaluate", "explain", "report"]


def stages():
    both = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    return both | yaml.safe_load((ROOT / "data/raw/dvc.yaml").read_text())["stages"]


@cache
def graph():
    return grimp.build_graph("cxr", "stages", include_external_packages=True)


def folder_of(module):
    """`cxr/<folder>` or `stages/<folder>` of a dotted name; empty for the packages themselves."""
    return "/".join(module.split(".")[:2]) if "." in module else ""


def reached(stage):
    """Folders that a stage imports, directly or not, its own among them."""
    own = graph().find_descendants(f"stages.{stage}") | {f"stages.{stage}"}
    modules = own | {upstream for module in own for upstream in graph().find_upstream_modules(module)}
    return {folder_of(module) for module in modules if module.startswith(("cxr.", "stages."))}


@pytest.mark.parametrize("name", sorted(stages()))
def test_the_source_dependencies_are_what_the_stage_imports(name):
    sources = stage_sources(name)
    assert set(sources) == reached(name) - (NO_BYTES if name != "check" else {"cxr/runtime"})
    assert sources == [*(folder for folder in ORDER if folder in sources), f"stages/{name}"], "one order everywhere"


def test_what_decides_no_byte_makes_no_stage_stale():
    assert not any(source in NO_BYTES for name in stages() if name != "check" for source in stage_sources(name))


@pytest.mark.parametrize("name", sorted(stages()))
def test_a_stage_without_a_net_never_reaches_tensorflow(name):
    """Seconds of import, and a gigabyte of memory, for nothing."""
    own = graph().find_descendants(f"stages.{name}") | {f"stages.{name}"}
    upstream = {found for module in own for found in graph().find_upstream_modules(module)}
    assert bool(upstream & {"tensorflow", "tf_keras"}) == ("cxr/nets" in stage_sources(name))


@pytest.mark.parametrize("name", ["train", "compress"])
def test_touching_metrics_export_or_the_decoder_makes_no_net_stale(name):
    assert not {"cxr/metrics", "cxr/export", "cxr/imaging", "cxr/raw", "cxr/explanation"} & set(stage_sources(name))


@pytest.mark.parametrize("name", sorted(stages()))
def test_a_stage_tracks_whole_sections_and_only_its_own(name):
    known = {field.alias or section for section, field in Params.model_fields.items()}
    assert set(stages()[name].get("params", [])) == SECTIONS.get(name, {name} & known)


def test_no_stage_but_the_check_depends_on_the_whole_of_params_yaml():
    assert [name for name, stage in stages().items() if "params.yaml" in stage["deps"]] == ["check"]


def test_the_stages_have_the_names_that_others_script_against():
    names = list(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
    assert [name for name in names if name in PROMISED] == PROMISED


def versioned(path):
    """Paths that a file names in `code_version(...)`."""
    calls = (
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "code_version"
    )
    return {argument.value for call in calls for argument in call.args if isinstance(argument, ast.Constant)}


@pytest.mark.parametrize("name", sorted(stages().keys() - {"check"}))
def test_a_code_version_covers_only_sources_that_the_stage_depends_on(name):
    """Else a change of another source changes what a run from nothing writes, and `dvc repro` sees nothing to do."""
    named = {place for path in (ROOT / "stages" / name).rglob("*.py") for place in versioned(path)}
    assert all((ROOT / place).exists() for place in named)
    assert {place for place in named if not place.startswith(tuple(stage_sources(name)))} == set()
    assert named or name not in {"ingest", "preprocess"}


@pytest.mark.parametrize("name", ["train", "compress"])
def test_the_code_version_in_a_card_moves_with_any_source_of_its_stage(name, monkeypatch, tmp_path):
    from cxr.core import code_version

    before = stage_code_version.__wrapped__(name)
    for folder in stage_sources(name):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "new.py").write_text("")
    monkeypatch.setattr(code_version, "_TOP", tmp_path)
    monkeypatch.setattr(code_version, "stage_sources", lambda stage: stage_sources(stage, ROOT))
    assert stage_code_version.__wrapped__(name) != before
