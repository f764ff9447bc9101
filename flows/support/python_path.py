"""PATH for child processes: `python` in dvc.yaml, and what it starts, is the python that runs here."""

import os
import sys
from pathlib import Path


def this_python_first() -> str:
    """PATH with this interpreter's folder in front of all others."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
