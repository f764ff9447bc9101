"""Data Docs as static pages: Great Expectations' own sections in a page of ours that needs no network and no script.

Its own pages load styles and scripts from elsewhere and hold the clock and random ids.
"""

import html
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from great_expectations.core import ExpectationSuite, ExpectationSuiteValidationResult
from great_expectations.render import RenderedTableContent
from great_expectations.render.renderer import ExpectationSuitePageRenderer, ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from stages.validate.checks import CHECKS
from stages.validate.outcome import RuleOutcome

_TEMPLATES = Path(__file__).parent / "templates"


class StaticPage(DefaultJinjaPageView):  # type: ignore[misc]
    """Great Expectations' page view with our template, element ids counted instead of drawn at random."""

    _template = "static_page.j2"

    def __init__(self) -> None:
        """Look for templates in our folder, and count element ids from 1."""
        super().__init__(custom_views_directory=str(_TEMPLATES))
        self.env.trim_blocks = self.env.lstrip_blocks = True
        numbers = itertools.count(1)
        self.env.filters["generate_html_element_uuid"] = lambda prefix=None: f"{prefix or ''}{next(numbers)}"


def results_page(
    result: ExpectationSuiteValidationResult, outcomes: Sequence[RuleOutcome], facts: dict[str, Any]
) -> str:
    """HTML: our summary by name on top, then Great Expectations' results, column for column."""
    document = ValidationResultsPageRenderer().render(result)
    document.sections = document.sections[1:]  # its overview repeats the summary, with the run's clock
    for section in document.sections:
        section.content_blocks = [_escaped(block) for block in section.content_blocks]
    says = {check.name: check.says for check in CHECKS}
    rows = [{"outcome": outcome, "says": says[outcome.name]} for outcome in outcomes]
    return _tidy(StaticPage().render(document, page="results", rows=rows, facts=facts))


def suite_page(suite: ExpectationSuite) -> str:
    """HTML: the suite, in Great Expectations' words."""
    document = ExpectationSuitePageRenderer().render(suite)
    return _tidy(StaticPage().render(document, page="suite", rows=[], facts={}))


def _escaped(cell: Any) -> Any:
    """A block or cell with its bare strings escaped: its templates print unexpected values of a table as they are."""
    if isinstance(cell, str):
        return html.escape(cell)
    if isinstance(cell, list):
        return [_escaped(each) for each in cell]
    if isinstance(cell, RenderedTableContent):
        cell.table = _escaped(cell.table)
    return cell


def _tidy(page: str) -> str:
    """Without the blank lines and margins that its templates leave behind: a third of the size."""
    lines = (line.strip() for line in page.splitlines())
    return "\n".join(line for line in lines if line) + "\n"
