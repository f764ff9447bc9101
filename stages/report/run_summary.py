"""A run in a page of markdown for a server that shows artifacts: metrics against a version's, ROC, overlays."""

import base64
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cxr.core.errors import UserError
from cxr.core.files import read_json, write_text
from cxr.runtime import command_line
from stages.report import roc_picture
from stages.report.inputs import OVERLAYS, TABLES, ReportInputs, read_headline
from stages.report.numbers import figure, signed

_HEADLINES = (".auroc.macro", ".auroc.worst", ".accuracy")  # leaves of metrics/evaluate.json, of every variant
_TRUE_POSITIVE = "_tp_1"  # of overlays, one a label is shown first
_MOST_ROWS, _MOST_PICTURES = 60, 6
_PNG, _SVG = "image/png", "image/svg+xml"


def page(inputs: ReportInputs, where: str, before: dict[str, Any], version: str) -> str:
    """The markdown. `where` says where the run's outputs are, `before` is what an earlier `version` evaluated to."""
    parts = ["# Pipeline run", where, *_metrics(inputs, before, version), *_roc(inputs), *_overlays(inputs.folder)]
    return "\n\n".join(filter(None, parts)) + "\n"


def headlines(evaluated: dict[str, Any], served: str = "base") -> dict[str, float]:
    """`variant.auroc.macro` and the like to number, of metrics/evaluate.json; `served`'s labels too."""
    every = dict(_numbers(evaluated))
    chosen = {name: value for name, value in every.items() if name.endswith(_HEADLINES)}
    labels = {name: value for name, value in every.items() if name.startswith(f"{served}.auroc.")}
    return dict(list(((chosen | labels) or every).items())[:_MOST_ROWS])


def table(now: dict[str, float], then: dict[str, float], version: str) -> Iterator[str]:
    """Lines of a markdown table: value, value of the version before, difference; "n/a" where there was none."""
    yield f"| metric (test) | this run | {f'`{version}`' if version else 'no earlier version'} | difference |"
    yield "|---|---:|---:|---:|"
    for name, value in now.items():
        old = then.get(name)
        change = signed(None if old is None else value - old, 4)
        yield f"| {name} | {figure(value, 4)} | {figure(old, 4)} | {change} |"


def earlier(path: Path | None) -> dict[str, Any]:
    """The metrics in a file; empty where it is no JSON object any more, since a new page must not fail on old files."""
    try:
        found = read_json(path) if path else {}
    except (ValueError, OSError):
        return {}
    return found if isinstance(found, dict) else {}


def _metrics(inputs: ReportInputs, before: dict[str, Any], version: str) -> Iterator[str]:
    if now := headlines(inputs["evaluate"], inputs.chosen):
        yield f"Served: **{inputs.chosen}**. Differences are between test sets as each version had them."
        yield "\n".join(table(now, headlines(before, inputs.chosen), version))


def _roc(inputs: ReportInputs) -> Iterator[str]:
    path = inputs.folder / TABLES["roc"]
    if path.exists():
        title = f"ROC of {inputs.chosen} on the test set"
        yield f"## ROC\n{_picture(title, _SVG, roc_picture.draw(path, inputs.chosen))}"


def _overlays(folder: Path) -> Iterator[str]:
    """A few overlays, the surest true positive of each label first."""
    found = sorted(
        (folder / OVERLAYS).glob("*.png"), key=lambda path: (not path.stem.endswith(_TRUE_POSITIVE), path.name)
    )[:_MOST_PICTURES]
    if found:
        yield "## Explanations\n" + " ".join(_picture(path.stem, _PNG, path.read_bytes()) for path in found)


def _picture(title: str, kind: str, content: bytes) -> str:
    """A picture as a data URI: shown without a place to serve it from."""
    return f"![{title}](data:{kind};base64,{base64.b64encode(content).decode()})"


def _numbers(tree: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number below a mapping, by the path of its keys."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _numbers(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, (int, float)) and not isinstance(tree, bool):
        yield path, float(tree)


app = command_line.application()
_OUT = typer.Option(help="the markdown file to write", metavar="PAGE", show_default=False)
_BEFORE = typer.Option(help="metrics/evaluate.json of an earlier version", metavar="FILE")


@command_line.command(
    app,
    "0, 1 (a metrics file or the card can't be read), 2 (wrong command line)",
    speaker="report",
    mendable=(UserError, ValueError),
)
def run_summary(
    out: Annotated[Path, _OUT],
    before: Annotated[Path | None, _BEFORE] = None,
    where: Annotated[str, typer.Option(help="where the outputs are, as markdown")] = "",
    version: Annotated[str, typer.Option(help="name of the earlier version")] = "",
) -> None:
    """Write a run's page; what the pipeline did not make is left out of it."""
    write_text(out, page(read_headline(), where, earlier(before), version))


def main(arguments: list[str]) -> int:
    """Read the command line and write the page; the exit status."""
    return command_line.run(app, arguments, "python -m stages.report.run_summary")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
