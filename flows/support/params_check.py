"""Asks the stage `check` what is wrong with params.yaml, for those who read it before DVC does.

DVC fills values of params.yaml into dvc.yaml (`${ingest.set}`) when it reads that, before any stage runs: where such a
key is mistyped it ends in "failed to parse", and `check` never has its say.
"""

import subprocess
import sys
from pathlib import Path

_HINT, _ABSENT = "did you mean", "Field required"


def faults(project: Path) -> str:
    """What is wrong, a line for each fault, with the nearest right name; empty where params.yaml fits the schema.

    Empty too where the folder has no such stage (a miniature of the project). A key's absence is not told beside the
    line that says how it was mistyped.
    """
    if not (project / "stages" / "check").is_dir():
        return ""
    asked = subprocess.run([sys.executable, "-m", "stages.check"], cwd=project, capture_output=True, text=True)
    lines = asked.stderr.splitlines() if asked.returncode else []
    hinted = any(_HINT in line for line in lines)
    return "\n".join(line for line in lines if not (hinted and line.endswith(_ABSENT)))
