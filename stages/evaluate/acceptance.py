"""What the default promises of its own figures: `python -m stages.evaluate.acceptance` prints the promises broken here.

Only where params.yaml is the default: nobody promises anything for other data. Imports nothing heavy: it ends
`make repro`.
"""

import sys
from pathlib import Path
from typing import Any

from cxr.core.files import read_json
from cxr.params import preset
from cxr.runtime import stage_main

MACRO_AUROC = (0.85, 0.98)  # on test, of every variant that can be served: learnt well, not perfectly
LEAST_POSITIVES = 20  # of each label on test
_DEFAULT, _METRICS = "presets/default.yaml", "metrics/evaluate.json"


def broken(project: Path) -> list[str]:
    """A line for each promise that the project's metrics break; none where they keep all or it is not the default.

    ValueError names a metrics file that does not parse.
    """
    params, default, metrics = (project / name for name in ("params.yaml", _DEFAULT, _METRICS))
    if not default.exists() or params.read_text() != preset.text(default) or not metrics.exists():
        return []
    return [f"the default breaks its promise: {line}" for line in faults(read_json(metrics))]


def faults(evaluated: dict[str, Any]) -> list[str]:
    """What the content of metrics/evaluate.json has outside the promised bounds."""
    least, most = MACRO_AUROC
    macros = {name: entry["auroc"]["macro"] for name, entry in evaluated.items()}
    found = [
        f"{name}: macro AUROC on test is {macro}, not between {least} and {most}"
        for name, macro in macros.items()
        if not (isinstance(macro, float) and least <= macro <= most)
    ]
    positives = {label: counts["positives"] for label, counts in evaluated["base"]["counts"].items()}
    return found + [
        f"{label}: {count} positives on test, not {LEAST_POSITIVES}"
        for label, count in positives.items()
        if count < LEAST_POSITIVES
    ]


def main() -> int:
    """Print a line for each broken promise, nothing where all are kept; 1 where the metrics do not parse."""
    try:
        print(*(f"{line}\n" for line in broken(Path())), sep="", end="")
    except ValueError as error:
        print(f"acceptance: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    stage_main.takes_no_arguments()
    sys.exit(main())
