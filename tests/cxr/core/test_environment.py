"""The library's variables are read in one module, and what can't be meant is refused in a line."""

import ast
from pathlib import Path

import pytest

from cxr.core import environment
from cxr.core.errors import UserError

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("text", ["two", "0", "-1", "1.5"])
def test_a_number_of_processes_that_is_none_is_refused_by_name(monkeypatch, text):
    monkeypatch.setenv("CXR_WORKERS", text)
    with pytest.raises(UserError, match=f"CXR_WORKERS: '{text}' is no number of processes"):
        environment.workers()


def test_what_is_not_set_has_its_default(monkeypatch):
    for name in ("CXR_WORKERS", "CXR_CACHE", "CXR_PRODUCTION", "CXR_PATIENT_SALT", "CXR_SERVE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert environment.workers() >= 1
    assert (environment.cache(), environment.production()) == (Path(".cache"), Path("production"))
    assert (environment.patient_salt(), environment.serve_token()) == (None, "")


def test_what_is_set_is_read_when_it_is_asked_for(monkeypatch):
    monkeypatch.setenv("CXR_WORKERS", "3")
    monkeypatch.setenv("CXR_CACHE", "/elsewhere")
    assert (environment.workers(), environment.cache()) == (3, Path("/elsewhere"))


def test_nobody_else_reads_a_variable_of_ours():
    """But process_tree, which runs as a script that can import nothing."""
    readers = {
        path.relative_to(ROOT).as_posix()
        for package in ("cxr", "stages", "serving")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.startswith("CXR_")
        and node.value.isupper()
    }
    assert readers == {"cxr/core/environment.py", "cxr/runtime/process_tree.py"}
