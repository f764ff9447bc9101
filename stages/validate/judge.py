"""Runs a suite over the table in an ephemeral context of Great Expectations, with clock and names fixed."""

import datetime
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.core.run_identifier import RunIdentifier

SUITE = "manifest"
_EPOCH = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)  # outputs hold no clock: every run has this time
_FORMAT = {
    "result_format": "SUMMARY",
    "unexpected_index_column_names": ["batch", "source"],
    "partial_unexpected_count": 20,
}


@dataclass(frozen=True)
class ValidationResult:
    """The suite as it was asked, and Great Expectations' result."""

    suite: gx.ExpectationSuite
    result: ExpectationSuiteValidationResult


def judge(table: pd.DataFrame, expectations: Sequence[gxe.Expectation]) -> ValidationResult:
    """Great Expectations' result for the table, cleared of everything that differs from run to run.

    At most 20 unexpected values are kept for an expectation. Results come in the order of the expectations.
    """
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)  # what fails is reported by us, in a line
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("ingest").add_dataframe_asset(SUITE)
    suite = gx.ExpectationSuite(name=SUITE, expectations=list(expectations))
    definition = gx.ValidationDefinition(
        name=SUITE, data=asset.add_batch_definition_whole_dataframe("all"), suite=context.suites.add(suite)
    )
    run = RunIdentifier(run_name=SUITE, run_time=_EPOCH)
    result = definition.run(batch_parameters={"dataframe": table}, result_format=_FORMAT, run_id=run)
    return ValidationResult(suite, _canonical(result, [expectation.id for expectation in suite.expectations]))


def _canonical(result: ExpectationSuiteValidationResult, order: list[str | None]) -> ExpectationSuiteValidationResult:
    """Results in the suite's order, with plain Python numbers, without random ids, load time and tracebacks."""
    result.results.sort(key=lambda each: order.index(each.expectation_config.id))
    for each in result.results:
        each.result = _plain(each.to_json_dict()["result"])
        each.expectation_config.id = None
    kept = ("great_expectations_version",)
    result.meta = {key: result.meta[key] for key in kept} | {"run_id": result.meta["run_id"]}
    return result


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """A result with Python's own numbers (NumPy's break its renderers) and with sets' members in a fixed order."""
    plain: dict[str, Any] = json.loads(json.dumps(found))
    if missing := plain.get("partial_missing_list"):
        plain["partial_missing_list"] = sorted(missing, key=str)
    mismatched = plain.get("details", {}).get("mismatched")
    if isinstance(mismatched, dict):
        plain["details"]["mismatched"] = {word: sorted(names) for word, names in sorted(mismatched.items())}
    return plain
