"""What ingest could not read in the tables, as part of the expectations on what it read: counts of data/ingest.json.

In the manifest a sex, view or age that was not understood is unknown, so that its columns alone could never fail. And
whether ids were rounded by a spreadsheet is seen in the table only, since the manifest has hashes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stages.validate.outcome import EXAMPLES, RuleOutcome

JUDGED_BY = {"sex": "sex_known", "view": "view_known", "age": "age_in_range"}
ROUNDED = "patient_ids_not_rounded"


def with_tables(
    found: Sequence[RuleOutcome], ingested: Mapping[str, Any], severities: Mapping[str, str]
) -> list[RuleOutcome]:
    """The outcomes, those on sexes, views and ages with the cells that were not understood, and one on rounded ids."""
    columns = ingested.get("not_understood", {})
    judged = [_with_cells(each, columns) for each in found]
    rounded = ingested.get("rounded_ids", {})
    examples = tuple(f"{column} ({number} cells)" for column, number in sorted(rounded.items()))
    return [*judged, RuleOutcome(ROUNDED, severities[ROUNDED], not rounded, sum(rounded.values()), examples)]


def _with_cells(outcome: RuleOutcome, columns: Mapping[str, Mapping[str, Any]]) -> RuleOutcome:
    """An outcome with the cells of the columns that mean what it judges."""
    own = {name: each for name, each in sorted(columns.items()) if JUDGED_BY.get(each["means"]) == outcome.name}
    if not own:
        return outcome
    cells = sum(each["cells"] for each in own.values())
    examples = (*outcome.examples[: EXAMPLES - 1], *_examples(own.items()))[:EXAMPLES]
    return replace(outcome, passed=False, unexpected=outcome.unexpected + cells, examples=examples)


def _examples(columns: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterable[str]:
    """The most frequent values that were not understood; of a private set only how many cells."""
    for name, each in columns:
        words = [value.encode("unicode_escape").decode() for value in list(each["values"])[:EXAMPLES]]
        said = f": {', '.join(map(repr, words))}" if words else ""
        yield f"{each['cells']} cells of the column {name} were not understood{said}"
