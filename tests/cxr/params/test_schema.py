"""params.yaml: values that are sound alone and make no sense beside one another are refused, with both names."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from cxr.params import Params, ParamsError
from cxr.params.load import check

ROOT = Path(__file__).resolve().parents[3]


def checked(**changes: Any) -> Params:
    """The default with other values, by dotted name ("__" for the dot)."""
    content = yaml.safe_load((ROOT / "presets/default.yaml").read_text())
    for name, value in changes.items():
        *sections, key = name.split("__")
        place = content
        for section in sections:
            place = place[section]
        place[key] = value
    return check(content)


def refusal(**changes: Any) -> str:
    """What is said of the values."""
    with pytest.raises(ParamsError) as caught:
        checked(**changes)
    assert "\n" not in str(caught.value) and "Value error" not in str(caught.value)
    return str(caught.value)


PATTERN = r"^(?P<patient>\d+)_"


def test_a_layout_without_a_column_of_patients_needs_exactly_one_way_to_know_them() -> None:
    said = refusal(ingest__layout="folder")
    assert "exactly one of patient_pattern" in said and "one_patient_per" in said and "0 of the two" in said
    both = refusal(ingest__layout="folder", ingest__patient_pattern=PATTERN, ingest__one_patient_per="image")
    assert "2 of the two" in both
    checked(ingest__layout="folder", ingest__one_patient_per="image")
    checked(ingest__layout="folder", ingest__patient_pattern=PATTERN)


def test_a_layout_whose_table_has_the_patients_takes_no_other_way() -> None:
    assert "set patient_pattern to null" in refusal(ingest__patient_pattern=PATTERN)
    assert "set one_patient_per to null" in refusal(ingest__one_patient_per="file_name")


@pytest.mark.parametrize(("pattern", "why"), [("(", "no regular expression"), ("person", "no group"), ("", "no group")])
def test_a_pattern_that_is_none_is_named(pattern: str, why: str) -> None:
    assert why in refusal(ingest__patient_pattern=pattern)
