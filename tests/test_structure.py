"""tests/ mirrors the tree: a folder for each area, and a file's name says which of the area's modules it is about."""

from pathlib import Path

import pytest

from tests.conftest import FIRST, SLOW_CI

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
PACKAGES = ("cxr", "stages", "serving", "flows", "command")
BEHAVIOURS = {  # files that follow a behaviour through several modules of their area, and are named after it
    "cxr/nets/test_backbones.py",
    "cxr/raw/test_adds_at_once.py",
    "stages/compress/test_fine_tuning.py",
    "stages/ingest/test_across_clones.py",
    "stages/ingest/test_boxes.py",
    "stages/ingest/test_repeated_rows.py",
    "stages/ingest/test_work.py",
    "stages/preprocess/test_across_clones.py",
    "stages/preprocess/test_incremental.py",
    "stages/train/test_gate_kept_apart.py",
    "serving/monitor/test_estimate.py",
    "serving/score/test_private_set.py",
    "serving/test_made_before_the_move.py",
    "flows/deployments/test_watch.py",
}
FILES = sorted(
    path.relative_to(TESTS).as_posix() for package in PACKAGES for path in (TESTS / package).rglob("test_*.py")
)


def names_in(area: Path) -> set[str]:
    """What a test file of an area may be named after: the area, its modules and its folders."""
    return {area.name} | {path.stem for path in area.rglob("*") if path.is_dir() or path.suffix == ".py"}


@pytest.mark.parametrize("name", FILES)
def test_a_test_file_lies_in_the_folder_of_its_area(name: str) -> None:
    assert (ROOT / name).parent.is_dir()


@pytest.mark.parametrize("name", [name for name in FILES if name not in BEHAVIOURS])
def test_a_test_file_is_named_after_a_module_of_its_area(name: str) -> None:
    path = Path(name)
    assert path.stem.removeprefix("test_") in names_in(ROOT / path.parent), (
        "name it after what it tests, or, where it follows a behaviour through several modules, add it to BEHAVIOURS"
    )


def test_a_file_named_after_nothing_is_noticed() -> None:
    assert "measures" not in names_in(ROOT / "cxr/metrics") and "intervals" in names_in(ROOT / "cxr/metrics")


@pytest.mark.parametrize("folder", sorted({Path(name).parent.as_posix() for name in FILES}))
def test_a_folder_of_tests_is_a_package(folder: str) -> None:
    """Two test files of one name, say test_run.py, can only be imported side by side in packages."""
    assert (TESTS / folder / "__init__.py").is_file()


@pytest.mark.parametrize("name", FIRST)
def test_what_make_test_starts_first_exists(name: str) -> None:
    assert (TESTS / name).exists()


@pytest.mark.parametrize("name", SLOW_CI)
def test_what_ci_runs_of_the_slow_tests_exists_and_is_slow(name: str) -> None:
    path, _, test = name.partition("::")
    content = (TESTS / path).read_text()
    assert "pytest.mark.slow" in content and (not test or f"def {test}(" in content)
