"""The stage report: reads what is there, puts the sections together, writes reports/index.html."""

import logging
from pathlib import Path

from cxr.core.errors import UserError
from cxr.core.files import write_text
from cxr.params import Params
from stages.report import about_data, about_model, about_results, about_variants, headline, page
from stages.report.inputs import ReportInputs, read

logger = logging.getLogger(__name__)
OUTPUT = Path("reports/index.html")
SECTIONS = (
    about_results.results,
    about_variants.compression,
    about_variants.explanations,
    about_data.data,
    about_data.validation,
    about_model.model,
    about_model.origins,
)


def report(params: Params) -> None:
    """Write the report; UserError where an input does not parse."""
    try:
        inputs = read()
    except ValueError as error:
        raise UserError(f"{error}; make it again with the stage that writes it") from error
    write_text(OUTPUT, html(inputs, params))
    logger.info("report: %s", OUTPUT)


def html(inputs: ReportInputs, params: Params) -> str:
    """The page, from the inputs and the parameters."""
    sections = [make(inputs, params) for make in SECTIONS]
    return page.render(
        {
            "title": params.report.title,
            "subject": headline.subject(inputs),
            "set": params.ingest.set,
            "figures": headline.figures(inputs),
            "patients": headline.patients(inputs),
            "warnings": headline.warnings(inputs),
            "label_note": about_data.label_note(params),
            "sections": sections,
            "missing": about_model.sections_missing(sections),
        }
    )
