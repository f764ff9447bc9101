"""ROC curves of one variant as a picture that stands alone, as SVG: colours, background and legend are in it.

Not for the report, whose charts (`stages.report.svg`) take their colours from the page's style sheet.
"""

import csv
import html
from pathlib import Path

_SIDE, _MARGIN = 360, 30
_COLOURS = (
    "#1b6ca8",
    "#c0392b",
    "#27ae60",
    "#8e44ad",
    "#d68910",
    "#16a085",
    "#7f8c8d",
    "#85c1e9",
    "#f1948a",
    "#7dcea0",
    "#c39bd3",
    "#f8c471",
    "#76d7c4",
    "#34495e",
)
_LINE, _MOST_NAMES = 12, 20  # pixels of a line of the legend, and how many it has room for


def draw(path: Path, variant: str = "base") -> bytes:
    """SVG of one variant's ROC curves, one a label. Columns read: variant, label, x (1 - specificity), y."""
    curves = _read(path, variant)
    lines = [_line(points, _COLOURS[at % len(_COLOURS)], label) for at, (label, points) in enumerate(curves.items())]
    axis = f'<path d="M{_MARGIN},{_SIDE - _MARGIN} L{_SIDE - _MARGIN},{_MARGIN}" stroke="#bbb" stroke-dasharray="4"/>'
    frame = (
        f'<rect x="{_MARGIN}" y="{_MARGIN}" width="{_SIDE - 2 * _MARGIN}" height="{_SIDE - 2 * _MARGIN}" '
        'fill="none" stroke="#333"/>'
    )
    words = (
        f'<text x="{_SIDE / 2}" y="{_SIDE - 8}" font-size="12" text-anchor="middle">1 - specificity</text>'
        f'<text x="12" y="{_SIDE / 2}" font-size="12" text-anchor="middle" '
        f'transform="rotate(-90 12 {_SIDE / 2})">sensitivity</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_SIDE}" height="{_SIDE}" font-family="sans-serif" '
        f'style="background:#fff">'
        f'{frame}{axis}{"".join(lines)}{words}{_legend(list(curves))}</svg>'
    ).encode()


def _read(path: Path, variant: str) -> dict[str, list[tuple[float, float]]]:
    curves: dict[str, list[tuple[float, float]]] = {}
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["variant"] == variant:
                curves.setdefault(row["label"], []).append((float(row["x"]), float(row["y"])))
    return curves


def _line(points: list[tuple[float, float]], colour: str, label: str) -> str:
    span = _SIDE - 2 * _MARGIN
    path = " ".join(f"{_MARGIN + x * span:.1f},{_SIDE - _MARGIN - y * span:.1f}" for x, y in points)
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5">'
        f"<title>{html.escape(label)}</title></polyline>"
    )


def _legend(labels: list[str]) -> str:
    """Names in their curves' colours, in the corner that no useful curve crosses."""
    if len(labels) > _MOST_NAMES:
        return ""
    right, bottom = _SIDE - _MARGIN - 6, _SIDE - _MARGIN - 6
    return "".join(
        f'<text x="{right}" y="{bottom - _LINE * (len(labels) - 1 - at)}" font-size="10" text-anchor="end" '
        f'fill="{_COLOURS[at % len(_COLOURS)]}">{html.escape(label.replace("_", " "))}</text>'
        for at, label in enumerate(labels)
    )
