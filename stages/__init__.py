"""Exactly what dvc.yaml runs: a package for each stage, run as `python -m stages.NAME` in the project's top folder.

A stage imports the library and no other stage: stages pass files. `__main__` starts it, with the environment set before
anything else is imported; `run` reads inputs, computes and writes outputs. An output is whole or not there, and has the
same bytes every time. To add one: docs/explanation/architecture.md.
"""

from pathlib import Path

__path__.append(str(Path(__file__).parent / "former_names"))  # a stage's own package goes before what lies there
