"""What ingest could not read in the tables fails expectations, although the manifest has nothing of it."""

from stages.validate.outcome import RuleOutcome
from stages.validate.understood import with_tables

SEVERITIES = {"patient_ids_not_rounded": "warning"}
SOUND = [RuleOutcome("sex_known", "critical", True, 0), RuleOutcome("age_in_range", "critical", True, 0)]


def judged(found=SOUND, **ingested):
    """Outcomes by name."""
    return {each.name: each for each in with_tables(found, ingested, SEVERITIES)}


def test_cells_that_were_not_understood_fail_the_expectation_on_what_they_mean():
    column = {"means": "sex", "cells": 3, "values": {"O": 2, "1\n": 1}}
    found = judged(not_understood={"Patient Gender": column})
    assert found["sex_known"].numbers() == {"severity": "critical", "passed": False, "unexpected": 3}
    assert found["sex_known"].examples == (r"3 cells of the column Patient Gender were not understood: 'O', '1\\n'",)
    assert found["age_in_range"].passed


def test_of_a_private_set_the_number_of_cells_is_said_alone():
    found = judged(not_understood={"Patient Age": {"means": "age", "cells": 2, "values": {}}})
    assert found["age_in_range"].examples == ("2 cells of the column Patient Age were not understood",)


def test_they_are_counted_beside_what_the_manifest_shows():
    shown = [RuleOutcome("age_in_range", "warning", False, 4, ("a", "b", "c"))]
    found = judged(shown, not_understood={"Patient Age": {"means": "age", "cells": 2, "values": {"60-65": 2}}})
    assert found["age_in_range"].unexpected == 6 and found["age_in_range"].examples[:2] == ("a", "b")


def test_ids_that_a_spreadsheet_rounded_are_warned_of():
    found = judged(rounded_ids={"Patient ID": 5})["patient_ids_not_rounded"]
    assert (found.severity, found.passed, found.unexpected) == ("warning", False, 5)
    assert found.examples == ("Patient ID (5 cells)",)
    assert judged()["patient_ids_not_rounded"].passed
