"""pyproject.toml declares what is imported, the page of dependencies lists it, and the installed checkout stands behind
what the working folder holds.
"""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
HOUSES = ("cxr", "stages", "serving", "flows", "command")
BESIDE = ("demo", "benchmarks", "tests")
PAGE = ROOT / "docs/explanation/dependencies.md"
ROW = re.compile(r"(?m)^\| ([a-z0-9-]+) \| (core|serve|pipeline|gpu|s3|ssh|figures|test|dev|build) \| ([a-z, ]+) \| \S")
OF = {
    name: {canonicalize_name(given) for given in distributions}
    for name, distributions in metadata.packages_distributions().items()
}
STAGES_ALONE = {  # ask DVC's cache: nothing that scores calls the one, and the other does without DVC
    ROOT / "cxr/runtime/previous_outputs.py",
    ROOT / "cxr/runtime/dvc_cache.py",
}
SCORES = [
    path
    for area in ("serving", "cxr/core", "cxr/params", "cxr/runtime", "cxr/data", "cxr/imaging", "cxr/model")
    for path in (ROOT / area).rglob("*.py")
    if path not in STAGES_ALONE
]


def declared(*extras: str) -> set[str]:
    """Names of the distributions that the project or these extras ask for."""
    asked = PROJECT["dependencies"] + [line for extra in extras for line in PROJECT["optional-dependencies"][extra]]
    return {canonicalize_name(Requirement(line).name) for line in asked}


def imported(path: Path) -> set[str]:
    """Top-level names of what a file imports from outside the project and the standard library."""
    tree = ast.walk(ast.parse(path.read_text()))
    names = [
        name
        for node in tree
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom) and node.module and not node.level
            else []
        )
    ]
    beside = {other.stem for other in path.parent.glob("*.py") if path.parent.name == "benchmarks"}  # run as scripts
    return {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {*HOUSES, *BESIDE} - beside


def undeclared(paths: list[Path], known: set[str]) -> list[str]:
    """`file: name` of what is imported and not asked for; pydantic's own core comes with it in one version."""
    return [
        f"{path}: {name}"
        for path in paths
        for name in sorted(imported(path) - {"pydantic_core"})
        if not OF.get(name, {name}) & known
    ]


def test_what_the_project_imports_is_declared() -> None:
    files = [path for house in HOUSES for path in (ROOT / house).rglob("*.py")]
    assert undeclared(files, declared("serve", "pipeline")) == []


def test_what_stands_beside_the_houses_is_declared() -> None:
    drawn = [path for name in ("demo", "benchmarks") for path in (ROOT / name).rglob("*.py")]
    assert undeclared(drawn, declared("serve", "pipeline", "figures")) == []
    assert undeclared(list((ROOT / "tests").rglob("*.py")), declared("serve", "pipeline", "figures", "test")) == []


def by_extra() -> dict[str, str]:
    """Each distribution that pyproject.toml asks for, with the first extra that does, or `core`."""
    extras = {"core": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
    asked = [(canonicalize_name(Requirement(line).name), extra) for extra, lines in extras.items() for line in lines]
    return dict(reversed([(name, extra) for name, extra in asked if name != "cxr-pipeline"]))


def importers() -> dict[str, list[str]]:
    """Each distribution with the top folders that import it."""
    found: dict[str, list[str]] = {}
    for top in (*HOUSES, *BESIDE):
        modules = {name for path in (ROOT / top).rglob("*.py") for name in imported(path)}
        for distribution in {name for module in modules for name in OF.get(module, ())}:
            found.setdefault(distribution, []).append(top)
    return found


def test_the_page_of_dependencies_lists_what_is_declared_with_its_extra_and_who_imports_it() -> None:
    importing = importers()
    listed = {name: (extra, who) for name, extra, who in ROW.findall(PAGE.read_text())}
    assert listed == {name: (extra, ", ".join(importing.get(name, ["nothing"]))) for name, extra in by_extra().items()}


def test_what_scores_and_serves_needs_no_more_than_its_extra() -> None:
    assert undeclared(SCORES, declared("serve")) == []


def test_an_import_that_is_not_declared_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "new.py").write_text("import os\nimport tensorflow.keras\nfrom numpy import linalg\n")
    assert undeclared([tmp_path / "new.py"], declared("serve")) == [f"{tmp_path / 'new.py'}: tensorflow"]


@pytest.mark.parametrize("name", ["prefect", "tensorflow", "dvc"])
def test_the_lock_of_the_serve_extra_has_none_of_the_large_ones(name: str) -> None:
    locked = {line.partition("==")[0] for line in (ROOT / "requirements/serve.txt").read_text().splitlines()}
    assert "numpy" in locked and name not in locked


def test_the_locks_agree_on_versions() -> None:
    pins = [
        {
            line.split(" \\")[0]
            for line in (ROOT / f"requirements/{name}.txt").read_text().splitlines()
            if "==" in line and not line.startswith(" ")
        }
        for name in ("cpu", "gpu", "serve")
    ]
    assert pins[0] <= pins[1]
    assert {pin.split(" ;")[0] for pin in pins[2]} <= {pin.split(" ;")[0] for pin in pins[0]}


def shown(folder: Path, *command: str) -> str:
    """What python prints in a folder, with nothing but its own idea of where modules are."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=own, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_checkout_is_installed_for_every_folder(tmp_path: Path) -> None:
    assert shown(tmp_path, "-c", "import cxr, command; print(cxr.__file__)") == str(ROOT / "cxr/__init__.py")


def test_a_copy_in_the_working_folder_goes_before_the_installed_checkout(tmp_path: Path) -> None:
    for house in ("cxr", "flows"):
        (tmp_path / house).mkdir()
        (tmp_path / house / "__init__.py").touch()
    (tmp_path / "cxr/here.py").write_text("import flows\nprint(__file__, flows.__file__)")
    copy = f"{tmp_path}/cxr/here.py {tmp_path}/flows/__init__.py"
    assert shown(tmp_path, "-m", "cxr.here") == copy
    assert shown(tmp_path, "-c", "import cxr.here") == copy


def test_what_prefect_starts_in_a_workspace_runs_the_code_of_the_workspace(tmp_path: Path) -> None:
    """The engine of prefect.yaml's `command`, which loads a flow by its module."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows/__init__.py").write_text("WHERE = 'the workspace'\n")
    load = "from prefect.utilities.importtools import import_object; print(import_object('flows.WHERE'))"
    (tmp_path / "engine.py").write_text(load)
    assert shown(tmp_path, "-m", "engine") == "the workspace"
