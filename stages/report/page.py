"""What a section of the report is made of, and how the page is rendered. Autoescape is on: file names are hostile."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

_TEMPLATES = Path(__file__).parent / "templates"
Cell = str | Markup


@dataclass(frozen=True)
class Table:
    """Column titles (those that begin with "#" are numbers, set to the right) and rows of cells."""

    titles: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    folded: bool = False  # behind a click


@dataclass(frozen=True)
class Charts:
    """Charts side by side, with a text above; `legend` where all share it."""

    caption: str
    charts: Sequence[Markup]
    legend: Cell = ""
    folded: bool = False


@dataclass(frozen=True)
class Paragraph:
    """Plain text, escaped when it is rendered."""

    text: str


@dataclass(frozen=True)
class Pictures:
    """Pictures as data URIs, each with its caption."""

    caption: str
    pictures: Sequence[tuple[str, str]]


Part = Table | Charts | Paragraph | Pictures


@dataclass(frozen=True)
class Chapter:
    """A chapter of the report; `missing` names what it lacks, and the command that makes it."""

    name: str
    title: str
    parts: Sequence[Part] = field(default_factory=tuple)
    missing: Sequence[str] = field(default_factory=tuple)


def track(value: Any, bounds: dict[str, Any] | None, kind: str, low: float = 0.4) -> Markup:
    """A value with its interval as a dot and a bar on a scale from `low` to 1, for a table cell."""
    if isinstance(value, str) or value is None:
        return Markup("")

    def per_cent(number: float) -> float:
        """Where a value lies on the scale, in per cent of its length, cut off at both ends."""
        return 100 * (min(max(number, low), 1.0) - low) / (1 - low)

    ends = [value if isinstance(b, str) else b for b in ((bounds or {}).get(k, "n/a") for k in ("low", "high"))]
    left, right = (per_cent(float(end)) for end in ends)
    return Markup(  # noqa: S704
        f'<span class="track {kind}"><i style="left:{left:.1f}%;width:{right - left:.1f}%"></i>'
        f'<b style="left:{per_cent(float(value)):.1f}%"></b></span>'
    )


def stacked(first: Cell, *others: Cell) -> Markup:
    """A cell with others under it, in small type; empty ones are left out."""
    small = (Markup("<small>{}</small>").format(cell) for cell in others if cell)
    return Markup("<br>").join([escape(first), *small])


def render(content: dict[str, Any]) -> str:
    """The page as HTML text."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["kind"] = lambda part, name: type(part).__name__ == name
    return environment.get_template("report.html").render(content)
