"""Layout `folder`: who is a patient, by the file's name or by the path below the batch."""

from pathlib import Path

import pytest
import yaml

from cxr.core.errors import UserError
from cxr.params.preset import text
from cxr.params.schema import Ingest
from cxr.raw.layouts.base import Claims, Record
from cxr.raw.layouts.folder import Folder

ROOT = Path(__file__).resolve().parents[4]
KERMANY = yaml.safe_load(text(ROOT / "presets/kermany.yaml"))["ingest"]


def folder(**changes: object) -> Folder:
    """The layout with Kermany's parameters and changes."""
    return Folder(Ingest.model_validate(KERMANY | changes))


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("train/PNEUMONIA/person1_bacteria_1.jpeg", "person1"),
        ("test/PNEUMONIA/person1_virus_6.jpeg", "person1"),
        ("train/NORMAL/IM-0115-0001.jpeg", "IM-0115"),
        ("train/NORMAL/NORMAL2-IM-1427-0001.jpeg", "NORMAL2-IM-1427"),
        ("train/PNEUMONIA/BACTERIA-1008087-0001.jpeg", "1008087"),
        ("train/PNEUMONIA/VIRUS-1980593-0002.jpeg", "1980593"),
        ("train/NORMAL/NORMAL-1003233-0001.jpeg", "1003233"),
    ],
)
def test_kermanys_names_of_both_versions_hold_the_patient(name: str, patient: str) -> None:
    assert folder().patient_of(name) == (patient, "pattern")


@pytest.mark.parametrize("name", ["Patient-01_view0.png", "0001.png", "x-12.png", "Person1_bacteria_1.jpeg"])
def test_a_name_that_the_pattern_misses_is_said_to_be_no_more_than_a_name(name: str) -> None:
    assert folder().patient_of(f"NORMAL/{name}") == (Path(name).stem, "file_name")


def test_a_pattern_with_a_slash_sees_the_path_and_one_without_the_name_alone() -> None:
    name = "train/NORMAL/p7/0001.png"
    assert folder(patient_pattern=r"^(?:train|test)/[^/]+/(?P<patient>[^/]+)/").patient_of(name) == ("p7", "pattern")
    assert folder(patient_pattern=r"^(?P<patient>train)").patient_of(name) == ("0001", "file_name")
    assert folder(patient_pattern=r"^(?P<patient>\d+)").patient_of(name) == ("0001", "pattern")


def test_a_group_that_matches_nothing_is_a_miss_and_accents_have_one_spelling() -> None:
    assert folder(patient_pattern=r"^(?P<patient>\d*)").patient_of("NORMAL/x.png") == ("x", "file_name")
    composed, decomposed = "NORMAL/M\u00fcller-1.png", "NORMAL/Mu\u0308ller-1.png"
    either = folder(patient_pattern=r"^(?P<patient>\w+)-")
    assert either.patient_of(composed) == either.patient_of(decomposed) == ("M\u00fcller", "pattern")


def claims(missed: int, found: int) -> list[Claims]:
    """Claims of two batches: names that the pattern misses, and names that it finds a patient in."""
    rows = [("file_name", f"NORMAL/{n}.png") for n in range(missed)] + [("pattern", "NORMAL/p")] * found
    records = [Record("b", "", name, None, (), "", patient_from=made) for made, name in rows]
    return [Claims(records=records[:1]), Claims(records=records[1:])]


def test_a_share_of_missed_names_above_the_bound_is_refused_over_all_batches() -> None:
    with pytest.raises(UserError, match=r"in 3 of 30 image names.*\(0\.09\).*'NORMAL/2\.png'\. It has no /"):
        folder(max_pattern_misses=0.09).check_patients(claims(3, 27))
    folder(max_pattern_misses=0.1).check_patients(claims(3, 27))
    folder(patient_pattern=None, one_patient_per="file_name").check_patients(claims(3, 0))


def test_no_batch_is_made_from_feedback_where_the_pattern_sees_folders_that_scored_images_do_not_have() -> None:
    with pytest.raises(UserError, match="scored images stand in other folders"):
        folder(patient_pattern=r"^[^/]+/(?P<patient>[^/]+)/").writer(Path("incoming"))
