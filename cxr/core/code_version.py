"""Names code by its content: what a model's card, a cache's key and the recipe of processed pixels say of it.

Which sources a stage depends on stands in dvc.yaml alone; here it is read from there.
"""

import hashlib
from functools import cache
from pathlib import Path

import yaml

from cxr.core.files import sha256_file, sha256_tree

_TOP = Path(__file__).resolve().parents[2]
_PIPELINES = ("dvc.yaml", "data/raw/dvc.yaml")
_CODE = ("cxr/", "stages/")


def code_version(*sources: str) -> str:
    """SHA-256 of the Python sources of packages and modules, given as paths below the project's top folder."""
    digest = hashlib.sha256()
    for source in sorted(sources):
        path = _TOP / source
        digest.update(f"{source} {sha256_tree(path, '*.py') if path.is_dir() else sha256_file(path)}\n".encode())
    return digest.hexdigest()


@cache
def stage_code_version(stage: str) -> str:
    """`code_version` of the sources that dvc.yaml lists for a stage. KeyError where there is no such stage."""
    return code_version(*stage_sources(stage))


def stage_sources(stage: str, top: Path = _TOP) -> list[str]:
    """The packages and modules that dvc.yaml lists as dependencies of a stage. KeyError where there is none such."""
    stages = {name: entry for file in _PIPELINES for name, entry in _stages(top / file).items()}
    return [dependency for dependency in stages[stage]["deps"] if dependency.startswith(_CODE)]


def _stages(path: Path) -> dict[str, dict[str, list[str]]]:
    content: dict[str, dict[str, list[str]]] = yaml.safe_load(path.read_text())["stages"]
    return content
