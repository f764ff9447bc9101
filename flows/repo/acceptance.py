"""What the default promises of its own figures, held against the metrics that a run left.

Only where params.yaml is the default: nobody promises anything for other data.
"""
import json
from pathlib import Path
from typing import Any

from cxr.params import preset

MACRO_AUROC = (0.85, 0.98)  # on test, of every variant that can be served: learnt well, not perfectly
LEAST_POSITIVES = 20  # of each label on test
_DEFAULT, _METRICS = "presets/phantom.yaml", "metrics/evaluate.json"


def broken(workspace: Path) -> list[str]:
    """A line for each promise that the workspace's metrics break; none where they keep all or it is not the default."""
    params, default, metrics = (workspace / name for name in ("params.yaml", _DEFAULT, _METRICS))
    if not default.exists() or params.read_text() != preset.text(default) or not metrics.exists():
        return []
    return [f"the default breaks its promise: {line}" for line in faults(json.loads(metrics.read_text()))]


def faults(evaluated: dict[str, Any]) -> list[str]:
    """What the content of metrics/evaluate.json has outside the promised bounds."""
    least, most = MACRO_AUROC
    macros = {name: entry["auroc"]["macro"] for name, entry in evaluated.items()}
    found = [f"{name}: macro AUROC on test is {macro}, not between {least} and {most}" for name, macro in macros.items()
             if not (isinstance(macro, float) and least <= macro <= most)]
    positives = {label: counts["positives"] for label, counts in evaluated["base"]["counts"].items()}
    return found + [f"{label}: {count} positives on test, not {LEAST_POSITIVES}" for label, count in positives.items()
                    if count < LEAST_POSITIVES]
