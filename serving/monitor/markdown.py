"""The verdict as a page of markdown: for the artifact that flows publish. The whole report is index.html beside it."""

from datetime import datetime

from cxr.core.document import Figure
from cxr.runtime.hand_over.drift_verdict import DriftVerdict, JudgedWindow

_SHOWN = 12  # reasons and comparisons; the report has them all


def page(verdict: DriftVerdict, number: str) -> str:
    """The verdict with the comparisons nearest to drift; `number` is its folder's name below `drift`."""
    window = verdict.window
    lines = [
        f"# {verdict.headline}",
        "",
        f"{window.studies} studies ({window.labelled} labelled; accuracy on the last "
        f"{verdict.labelled.studies} with labels), {_span(window)}, model "
        f"{verdict.version} (`{verdict.model[:16]}`). Report: `drift/{number}/index.html` in the production "
        "folder.",
        "",
    ]
    lines += [f"- {reason}" for reason in verdict.reasons[:_SHOWN]]
    if verdict.tests:
        lines += ["", "| comparison | effect | counts from | p (Holm) |", "|---|---:|---:|---:|"]
        lines += [
            f"| {test.name} | {_short(test.effect)} | {test.threshold} | {_short(test.p_adjusted)} |"
            for test in verdict.tests[:_SHOWN]
        ]
    lines += ["", *(f"Not compared: {what}." for what in verdict.left_out)]
    return "\n".join(lines)


def _short(value: Figure) -> str:
    """A figure with three significant digits; "n/a" is kept as it is."""
    return value if isinstance(value, str) else f"{value:.3g}"


def _span(window: JudgedWindow) -> str:
    """From when to when the window was scored, as people write it."""
    if not window.first or not window.last:
        return "at no time"
    moments = (f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC" for moment in (window.first, window.last))
    return "scored " + " to ".join(dict.fromkeys(moments))
