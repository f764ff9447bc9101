"""The drift report: one page that needs nothing but itself. What it says stands in verdict.json too."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from cxr.runtime.hand_over import DriftVerdict
from serving.monitor import distances, svg
from serving.monitor.compare import Prepared
from serving.monitor.rule import DriftComparison, Judged
from serving.monitor.window import StudyArrays

_TEMPLATES = Path(__file__).parent / "templates"
_CHARTS = 9
_REASONS = 8  # shown at once; the others unfold


def render(
    verdict: DriftVerdict,
    judged: Sequence[Judged],
    prepared: Prepared,
    window: StudyArrays,
    pictures: Sequence[tuple[str, str]],
) -> str:
    """The page's HTML; `pictures` are (data URI, caption)."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    style = Markup((_TEMPLATES / "style.css").read_text())  # noqa: S704  (our own file)
    return environment.get_template("page.html").render(
        verdict=verdict,
        headline=verdict.headline,
        style=style,
        pictures=pictures,
        shown=_REASONS,
        span=_span(verdict.window.first, verdict.window.last),
        charts=charts(judged, prepared, window),
        tests=[_row(j) for j in judged],
    )


def _span(first: str | None, last: str | None) -> str:
    """From when to when, as people write it; "at no time" where nothing was scored."""
    if first is None or last is None:
        return "at no time"
    moments = [f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC" for moment in (first, last)]
    return " to ".join(dict.fromkeys(moments))


def charts(judged: Sequence[Judged], prepared: Prepared, window: StudyArrays) -> list[Markup]:
    """Distributions behind the first comparisons that have one, those that said drift first."""
    drawn = (_chart(j, prepared, window) for j in judged)
    return [chart for chart in drawn if chart is not None][:_CHARTS]


def _chart(judged: Judged, prepared: Prepared, window: StudyArrays) -> Markup | None:
    name, old, note = judged.comparison.name, prepared.studies, _note(judged)
    if name in old.names:
        columns = old.statistics[:, old.names.index(name)], window.statistics[:, window.names.index(name)]
        return svg.distributions(name, note, *columns, None)
    label = name.removeprefix("probability ")
    if label != name and label in prepared.labels:
        i = prepared.labels.index(label)
        columns = old.probabilities[:, i], window.probabilities[:, i]
        note += f", stability index {distances.stability_index(*columns):.2f}"
        return svg.distributions(name, note, *columns, float(prepared.thresholds[i]))
    if name in ("view", "size"):
        words: tuple[np.ndarray, np.ndarray] = getattr(old, name), getattr(window, name)
        return svg.shares(name, note, *words)
    return None


def _note(judged: Judged) -> str:
    comparison = judged.comparison
    return f"{comparison.measure} {comparison.effect:.2f}, p {judged.adjusted:.2g}" + (" (drift)" * judged.drifted)


def _row(judged: Judged) -> dict[str, Any]:
    """A line of the table of comparisons."""
    c: DriftComparison = judged.comparison
    between = "" if c.interval is None else " ({:.2f} to {:.2f})".format(*c.interval)
    return {
        "name": c.name,
        "kind": c.kind,
        "then": _shown(c.reference) + between,
        "now": _shown(c.window),
        "effect": f"{c.effect:.3f}",
        "measure": c.measure,
        "floor": f"{c.floor:g}",
        "adjusted": f"{judged.adjusted:.2g}",
        "drifted": judged.drifted,
    }


def _shown(value: float | str | None) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else value
