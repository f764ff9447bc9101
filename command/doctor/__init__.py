"""`cxr doctor`: what this machine and this checkout are, for the report of a fault.

Looks only: starts, mends and imports nothing heavy. Not for whether outputs are right: that is `flows.verify`.
"""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from command.doctor import machine, project, services
from command.doctor.masking import mask
from cxr.runtime import command_line

Findings = dict[str, list[tuple[str, str]]]
FORMAT = 1  # of what `--json` prints

_GROUPS: dict[str, dict[str, Callable[[Path], str]]] = {
    "machine": machine.LINES,
    "software": project.SOFTWARE,
    "caps": machine.CAPS,
    "project": project.LINES,
    "disk": project.DISK,
    "services": services.LINES,
}
app = command_line.application()


@command_line.command(app, "0, also where a line says that something is wrong; 2 (wrong command line)")
def doctor(as_json: Annotated[bool, typer.Option("--json", help="one JSON document")] = False) -> None:
    """Describe machine, versions, set-up, remotes and production, without names and passwords: for an issue report."""
    show(as_json)


def findings(top: Path = Path()) -> Findings:
    """Group to its (name, value) pairs for the project folder `top`; looked up side by side, never an exception.

    Folders below home start with `~`; neither the user's name nor a password stands in a value.
    """
    asked = [(group, name, look) for group, lines in _GROUPS.items() for name, look in lines.items()]
    with ThreadPoolExecutor(len(asked)) as threads:
        values = list(threads.map(lambda line: value_of(line[2], top), asked))
    found: Findings = {group: [] for group in _GROUPS}
    for (group, name, _), value in zip(asked, values, strict=True):
        found[group].append((name, value))
    return found


def value_of(look: Callable[[Path], str], top: Path) -> str:
    """What a look-up says, masked and in one line; where it fails, that."""
    try:
        said = look(top)
    except ModuleNotFoundError as error:  # `make setup EXTRA=serve` has no Prefect
        said = f"not part of this set-up (no {error.name})"
    except Exception as error:  # a broken machine is what this is called on
        reason = next(iter(str(error).splitlines()), "")
        said = f"can't be told: {type(error).__name__}{': ' if reason else ''}{reason}"
    return " ".join(mask(said).split())


def show(as_json: bool = False, top: Path = Path()) -> None:
    """Print the findings: a line each under its group's name, or one JSON document {"format", "findings"}."""
    found = findings(top)
    print(document(found) if as_json else text(found))


def document(found: Findings) -> str:
    """The findings as JSON: {"format": 1, "findings": {group: {name: value}}}."""
    return json.dumps({"format": FORMAT, "findings": {group: dict(lines) for group, lines in found.items()}}, indent=2)


def text(found: Findings) -> str:
    """The findings for a terminal."""
    width = max(len(name) for lines in found.values() for name, _ in lines)
    return "\n".join(
        part
        for group, lines in found.items()
        for part in (group, *(f"  {name:<{width}}  {value}" for name, value in lines))
    )
