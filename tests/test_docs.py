"""What README.md, the pages beside it, the houses' own and docs/ name exists.

Commands, modules, files, links with their headings, make words, presets.
"""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSES = ("cxr", "stages", "serving", "flows", "command", "tests")
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *(ROOT / house / "README.md" for house in HOUSES),
    *sorted((ROOT / "docs").rglob("*.md")),
]
FOLDERS = "cxr|stages|serving|flows|command|tests|benchmarks|demo|docs|presets|requirements|end_to_end"
PLACEHOLDERS = {
    "stages.NAME",
    "stages/NAME",
    "presets/NAME.yaml",
    "cxr/nets/architectures/NAME.py",
    "cxr/raw/layouts/NAME.py",
}
EVENTS = {"cxr.drift.detected", "cxr.drift.latency", "cxr.retrain.needs-labels", "cxr.retrain.needs"}


def found(pattern):
    """(page, match) of a pattern in all pages."""
    return sorted(
        {
            (page.relative_to(ROOT).as_posix(), match)
            for page in PAGES
            for match in re.findall(pattern, page.read_text())
        }
    )


def module_exists(name):
    """Whether `python -m name` finds something to run: a file, a package with `__main__`, or an installed module."""
    path = ROOT / name.replace(".", "/")
    if (ROOT / name.split(".")[0]).is_dir():
        return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
    return importlib.util.find_spec(name.split(".")[0]) is not None


def path_exists(name):
    """Whether a path exists, counted from the top folder or, for tests, from tests/."""
    name = name.rstrip("./")
    return any((ROOT / top / name).exists() for top in ("", "tests"))


def name_exists(dotted):
    """Whether a dotted name is a module, or is defined in one."""
    path = ROOT / dotted.replace(".", "/")
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    parent = path.parent.with_suffix(".py") if path.parent.with_suffix(".py").is_file() else path.parent / "__init__.py"
    return parent.is_file() and re.search(rf"\b{path.name}\b", parent.read_text()) is not None


def slug(heading):
    """The anchor that a forge gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def link_resolves(page, target):
    """Whether a relative link's file and heading exist."""
    name, _, anchor = target.partition("#")
    path = (ROOT / page).parent / name if name else ROOT / page
    if not path.exists() or not anchor:
        return path.exists()
    return anchor in {slug(heading) for heading in re.findall(r"^#+ (.*)", path.read_text(), re.M)}


@pytest.mark.parametrize(("page", "name"), found(r"python3? -m ([A-Za-z_][\w.]*\w)"))
def test_a_command_that_is_named_exists(page, name):
    assert name in PLACEHOLDERS or module_exists(name)


@pytest.mark.parametrize(("page", "name"), found(rf"(?<![\w./-])((?:{FOLDERS})/[\w./-]*\w)(?![\w*<]|\.\w|/[*<])"))
def test_a_path_that_is_named_exists(page, name):
    assert name in PLACEHOLDERS or path_exists(name)


@pytest.mark.parametrize(("page", "name"), found(r"`((?:cxr|stages|serving|flows|command|demo)\.[\w.]+\w)[`(]"))
def test_a_module_or_function_that_is_named_exists(page, name):
    assert name in PLACEHOLDERS | EVENTS or name_exists(name)


@pytest.mark.parametrize(("page", "target"), found(r"\]\((?!https?:)([^)\s]+)\)"))
def test_a_relative_link_resolves(page, target):
    assert link_resolves(page, target)


@pytest.mark.parametrize(("page", "word"), found(r"(?m)(?:^|`|&& )make ([a-z][a-z-]*)"))
def test_a_make_word_exists(page, word):
    assert re.search(rf"^{word}:", (ROOT / "Makefile").read_text(), re.M)


PACKAGES = [path for top in ("cxr", "stages", "serving", "flows") for path in sorted((ROOT / top).rglob("__init__.py"))]


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.relative_to(ROOT).as_posix())
def test_a_folder_opens_with_what_it_is_for_and_lists_only_what_is_in_it(path):
    contract = ast.get_docstring(ast.parse(path.read_text()))
    assert contract is not None and len(contract.split()) > 7
    listed = [
        name
        for line in contract.splitlines()
        if line.startswith("- ")
        for name in re.findall(r"`(\w+)`", line.split(":")[0])
    ]
    assert [name for name in listed if not name_exists(f"{'.'.join(path.parent.relative_to(ROOT).parts)}.{name}")] == []


def test_a_page_is_checked_at_all():
    assert len(found(r"python3? -m ([\w.]+)")) > 10 and len(found(r"\]\((?!https?:)([^)\s]+)\)")) > 50


@pytest.mark.parametrize("name", ["cxr.nets.missing", "serving.nothing.here", "stages.train.run.absent"])
def test_a_name_that_does_not_exist_is_noticed(name):
    assert not name_exists(name) and not module_exists(name) and not path_exists(name.replace(".", "/"))
