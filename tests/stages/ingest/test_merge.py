"""Several rows of one image: which labels hold, and what is said of the others."""

import pytest

from cxr.raw.layouts.base import Record
from stages.ingest.facts import Fact
from stages.ingest.merge import Candidate, merge

IMAGE = Fact("0" * 64, "pixels")


def row(batch: int, name: str, ill: int, patient: str = "7") -> Candidate:
    """A row of the one image."""
    name = f"images/{name}.png"
    image = (f"batch-{batch:03d}", name)
    return Candidate.of(Record(image[0], "", name, image, (), patient), IMAGE, (ill,))


@pytest.mark.parametrize(
    ("rows", "holds", "outcomes"),
    [
        ([row(1, "a", 1), row(1, "b", 1)], 1, ["same"]),
        ([row(1, "a", 1), row(1, "b", 0)], 1, ["conflict"]),
        ([row(1, "a", 1), row(2, "a", 0)], 0, ["corrected"]),
        ([row(1, "a", 1), row(2, "b", 0)], 1, ["conflict"]),
        ([row(1, "a", 1), row(2, "a", 0, "8")], 1, ["conflict"]),
        ([row(1, "a", 1), row(1, "b", 1), row(2, "b", 0)], 0, ["same", "corrected"]),
        ([row(1, "a", 1), row(1, "b", 0), row(2, "a", 0)], 0, ["settled", "corrected"]),
        ([row(1, "a", 1), row(1, "b", 0), row(2, "a", 1)], 1, ["settled", "same"]),
        ([row(1, "a", 1), row(1, "b", 0), row(2, "c", 0)], 1, ["conflict", "conflict"]),
        ([row(1, "a", 1), row(2, "a", 0), row(2, "b", 1)], 0, ["corrected", "conflict"]),
        ([row(1, "a", 1), row(2, "c", 0), row(2, "a", 1)], 1, ["conflict", "same"]),
        ([row(1, "a", 1), row(2, "c", 0), row(2, "a", 0)], 0, ["settled", "corrected"]),
        ([row(1, "a", 1), row(2, "a", 0), row(3, "a", 1)], 1, ["corrected", "corrected"]),
    ],
)
def test_only_a_later_batch_that_names_the_image_again_corrects_it(
    rows: list[Candidate], holds: int, outcomes: list[str]
) -> None:
    kept, gone = merge(rows)
    assert [each.vector for each in kept] == [(holds,)] and kept[0].record == rows[0].record
    assert [each.outcome for each in gone] == outcomes


def test_a_name_is_the_same_in_another_folder_and_in_another_spelling_of_its_accents() -> None:
    first, again = row(1, "Mu\u0308ller", 1), row(2, "deeper/M\u00fcller", 0)
    assert [each.outcome for each in merge([first, again])[1]] == ["corrected"]


def test_a_row_of_another_patient_is_said_to_be_one() -> None:
    _, gone = merge([row(1, "a", 1), row(1, "b", 1), row(1, "c", 1, "8")])
    assert [each.same_patient for each in gone] == [True, False]
