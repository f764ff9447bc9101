"""Small charts as SVG text: colours come from the page's style sheet, so that they follow light and dark.

Every coordinate has one decimal, and every word is escaped. Not for reading or choosing what to draw.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A line: its name, its points (x, y), and its class in the style sheet; `dots` marks the points themselves."""

    name: str
    points: Sequence[Point]
    kind: str = "base"
    dots: bool = False


def unit_square(series: Sequence[Series], title: str, note: str, *, diagonal: bool) -> Markup:
    """A chart over [0, 1] x [0, 1] with a title and a note, for ROC, precision-recall and calibration."""
    lines = [_line([(100 * x, 100 * (1 - y)) for x, y in s.points], s) for s in series]
    rule = '<path class="rule" d="M0 100L100 0"/>' if diagonal else ""
    grid = "".join(f'<path class="grid" d="M{v} 0V100M0 {v}H100"/>' for v in (25, 50, 75))
    return Markup(  # noqa: S704  (names are escaped, the rest are numbers)
        f'<figure class="square"><figcaption>{escape(title)} <small>{escape(note)}</small></figcaption>'
        f'<svg viewBox="-1 -1 102 102" role="img" aria-label="{escape(title)}"><rect class="frame" width="100" '
        f'height="100"/>{grid}{rule}{"".join(lines)}</svg></figure>'
    )


def line_chart(series: Sequence[Series], title: str, mark: float | None = None) -> Markup:
    """A chart of series over epochs, axes from the data, with a vertical mark (the epoch that was kept)."""
    finite = [(x, y) for s in series for x, y in s.points if math.isfinite(y)]
    if not finite:
        return Markup("")
    (x0, x1), (y0, y1) = _range([x for x, _ in finite]), _range([y for _, y in finite])

    def to_pixels(point: Point) -> Point:
        """From data to pixels of the chart."""
        return 34 + 262 * (point[0] - x0) / (x1 - x0), 132 - 120 * (point[1] - y0) / (y1 - y0)

    lines = [_line([to_pixels(p) for p in s.points if math.isfinite(p[1])], s) for s in series]
    ticks = "".join(_tick(to_pixels((x0, y))[1], y) for y in _ticks(y0, y1))
    kept = f'<path class="mark" d="M{to_pixels((mark, y0))[0]:.1f} 12V132"/>' if mark is not None else ""
    ends = f'<text x="34" y="146">{x0:g}</text><text x="296" y="146" class="end">epoch {x1:g}</text>'
    return Markup(  # noqa: S704
        f'<figure class="wide"><figcaption>{escape(title)} {legend(series)}</figcaption>'
        f'<svg viewBox="0 0 304 150" role="img" aria-label="{escape(title)}">{ticks}{kept}{"".join(lines)}{ends}'
        "</svg></figure>"
    )


def legend(series: Sequence[Series]) -> Markup:
    """The series' names in their colours."""
    keys = "".join(f'<span class="key {s.kind}">{escape(s.name)}</span>' for s in series)
    return Markup(f'<small class="legend">{keys}</small>')  # noqa: S704


def _line(points: Sequence[Point], series: Series) -> str:
    """An SVG group with a polyline through the points, and dots where the series has them; empty without points."""
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.6"/>' for x, y in points) if series.dots else ""
    return f'<g class="{series.kind}"><path class="line" d="M{path}"/>{dots}</g>' if points else ""


def _tick(height: float, value: float) -> str:
    """A horizontal grid line at `height` pixels, with its value at the left."""
    word = f'<text class="end" x="30" y="{height + 3:.1f}">{value:.3g}</text>'
    return f'<path class="grid" d="M34 {height:.1f}H296"/>{word}'


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Least and greatest value, half a unit apart from a constant."""
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round values between low and high."""
    step = 10 ** math.floor(math.log10(high - low))
    step = next(s for s in (step / 5, step / 2, step, step * 2) if (high - low) / s <= 6)
    first = math.ceil(low / step)
    return [k * step for k in range(first, math.floor(high / step) + 1)]
