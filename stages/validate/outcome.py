"""From Great Expectations' results to one outcome for each named expectation, its readable line and its numbers."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stages.validate.checks import CHECKS

EXAMPLES = 3


@dataclass(frozen=True)
class RuleOutcome:
    """How one named expectation came out: rows (or values) that do not meet it, and the first few of them."""

    name: str
    severity: str
    passed: bool
    unexpected: int
    examples: tuple[str, ...] = ()

    def numbers(self) -> dict[str, Any]:
        """The outcome as metrics/validate.json records it."""
        return {"severity": self.severity, "passed": self.passed, "unexpected": self.unexpected}


def outcomes(results: Iterable[Mapping[str, Any]], severities: Mapping[str, str]) -> list[RuleOutcome]:
    """One outcome for each name that was evaluated, in the order of `checks`.

    results: Great Expectations' results as JSON dictionaries, each tagged with its name in `meta`.
    """
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        grouped.setdefault(result["expectation_config"]["meta"]["name"], []).append(result)
    return [
        _outcome(check.name, severities[check.name], grouped[check.name]) for check in CHECKS if check.name in grouped
    ]


def _outcome(name: str, severity: str, results: list[Mapping[str, Any]]) -> RuleOutcome:
    """One outcome from all results that Great Expectations gave under one name."""
    failed = [result for result in results if not result["success"]]
    examples = list(dict.fromkeys(example for result in failed for example in _examples(result)))
    return RuleOutcome(name, severity, not failed, sum(map(_unexpected, failed)), tuple(examples[:EXAMPLES]))


def _unexpected(result: Mapping[str, Any]) -> int:
    """Rows that fail, or values that are missing; rows too many or too few for a count; else 1 for a failed bound."""
    found, asked = result["result"], result["expectation_config"]["kwargs"]
    if result["expectation_config"]["type"] == "expect_table_row_count_to_equal":
        return abs(int(found.get("observed_value") or 0) - int(asked["value"]))
    return max(1, int(found.get("unexpected_count") or found.get("missing_count") or 0))


def _examples(result: Mapping[str, Any]) -> list[str]:
    """The first offenders of a failed result: files with their values, or what was observed."""
    found, asked = result["result"], result["expectation_config"]["kwargs"]
    if rows := found.get("partial_unexpected_index_list"):
        return [_row(row) for row in rows[:EXAMPLES]]
    if missing := found.get("partial_missing_list"):
        return [f"{_place(asked)} lacks {', '.join(map(str, missing))}"]
    if raised := _exception(result):
        return [f"{_place(asked)} could not be judged: {raised}"]
    if mismatched := found.get("details", {}).get("mismatched"):
        return [f"{word} {', '.join(names)}" for word, names in sorted(mismatched.items()) if names]
    observed = found.get("observed_value")
    return [f"{_place(asked)} is {_short(observed)}, expected {_bounds(asked)}"]


def _row(row: Mapping[str, Any]) -> str:
    """A failing row for reading: batch and file, then the values that failed."""
    file = f"{row.get('batch', '?')}/{row.get('source', '?')}".encode("unicode_escape").decode()
    values = ", ".join(f"{key}={_short(value)}" for key, value in row.items() if key not in ("batch", "source"))
    return f"{file} ({values})" if values else file


def _place(asked: Mapping[str, Any]) -> str:
    """The column, and the split where the expectation is about one."""
    column = str(asked.get("column", "the table"))
    condition = asked.get("row_condition")
    split = condition.get("parameter") if isinstance(condition, Mapping) else None
    return f"{column} in {split}" if split else column


def _bounds(asked: Mapping[str, Any]) -> str:
    """What an expectation on an aggregate asked for, for reading."""
    if "value" in asked:
        return f"{asked['value']} rows"
    if "type_" in asked:
        return str(asked["type_"])
    return f"{asked.get('min_value', '-inf')} to {asked.get('max_value', 'inf')}"


def _short(value: Any) -> str:
    """A value on one line of at most 60 characters, control characters escaped."""
    if isinstance(value, float) and not math.isnan(value):
        return f"{value:.4g}"
    text = str(value).encode("unicode_escape").decode()
    return text if len(text) <= 60 else text[:57] + "..."


def _exception(result: Mapping[str, Any]) -> str:
    """The message of what Great Expectations raised while it judged, empty where nothing was raised."""
    info = result.get("exception_info") or {}
    parts = [info, *(part for part in info.values() if isinstance(part, Mapping))]
    return next((_short(part["exception_message"]) for part in parts if part.get("exception_message")), "")


def line(outcome: RuleOutcome) -> str:
    """One readable line for a failed expectation: severity, name, count, first offenders, what to do."""
    advice = next(check.advice for check in CHECKS if check.name == outcome.name)
    shown = "; ".join(outcome.examples)
    return f"{outcome.severity}: {outcome.name}: {outcome.unexpected} unexpected: {shown}. To do: {advice}"
