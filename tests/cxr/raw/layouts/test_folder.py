"""Layout `folder`: classes by folders and what stands below them; patients by the file's name or its path."""

from pathlib import Path

import pytest
import yaml

from cxr.core.errors import UserError
from cxr.params.preset import text
from cxr.params.schema import Ingest
from cxr.raw.layouts.base import Claims, Record
from cxr.raw.layouts.folder import Folder
from cxr.raw.names import BatchError
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import FOLDER, adds_up, batch, counts, run

pytestmark = pytest.mark.usefixtures("here", "in_this_process")

MASKED = {
    f"{label}/{folder}/{label}-{number}.png": png(grey(10 * number + len(label) + len(folder)))
    for label in ("NORMAL", "PNEUMONIA")
    for folder in ("images", "masks")
    for number in range(3)
}


def test_folders_below_the_classes_are_named_and_nothing_is_guessed_of_them():
    batch(MASKED)
    with pytest.raises(UserError) as refused:
        run(FOLDER)
    said = str(refused.value)
    assert said.startswith("data/raw/made/batch-001: folders below the classes: images (6 images), masks (6 images); ")
    assert "(ingest.below_class: images)" in said and '(ingest.below_class: "*", ' in said


def test_the_folder_that_is_chosen_holds_the_images_and_the_others_are_counted():
    batch(MASKED | {"NORMAL/masks/notes.bin": b"x"})
    table = run(FOLDER | {"below_class": "images"}, max_quarantined_fraction=0.0)
    assert len(table) == 6 and all("/images/" in source for source in table.index)
    assert (counts()["rows_in"], counts()["left_out"]) == (6, 7) and adds_up()


def test_all_folders_below_a_class_are_taken_where_that_is_said():
    batch({f"train/NORMAL/patient{number}/a.png": png(grey(number)) for number in range(3)})
    assert len(run(FOLDER | {"below_class": "*"})) == 3


def test_a_folder_that_no_class_has_is_no_choice():
    batch(MASKED)
    with pytest.raises(UserError, match=r"no folder 'imgs' \(ingest\.below_class\) below a class; there are images \("):
        run(FOLDER | {"below_class": "imgs"})


def test_train_and_test_below_the_classes_are_told_where_they_belong():
    batch({"NORMAL/train/a.png": png(grey(1)), "NORMAL/test/b.png": png(grey(2)), "PNEUMONIA/test/c.png": png(grey(3))})
    with pytest.raises(UserError, match="train and test stand above the classes, not below"):
        run(FOLDER)


def test_the_folder_of_one_image_that_feedback_makes_is_no_second_level():
    batch({f"NORMAL/{'0a' * 16}/a.png": png(grey(1)), "NORMAL/b.png": png(grey(2))})
    assert len(run(FOLDER)) == 2


@pytest.mark.parametrize("mask", ["x_mask.png", "x-Mask.jpg", "xmask.png", "x_seg.png", "x_segmentation.png"])
def test_masks_beside_their_images_are_refused_by_name(mask):
    with pytest.raises(BatchError, match=f"^from: NORMAL/{mask}: masks, by the images beside them; move them away"):
        Folder.recognise(["NORMAL/x.png", f"NORMAL/{mask}", "PNEUMONIA/y.png"], "from")


def test_an_image_that_is_only_called_like_a_mask_comes_in():
    assert Folder.recognise(["NORMAL/mask.png", "NORMAL/damask.png", "oxygen mask/y_mask.png"], "from")


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
    assert folder().patient_of(f"NORMAL/{name}") == (f"no match: {Path(name).stem}", "file_name")


def test_a_pattern_with_a_slash_sees_the_path_and_one_without_the_name_alone() -> None:
    name = "train/NORMAL/p7/0001.png"
    assert folder(patient_pattern=r"^(?:train|test)/[^/]+/(?P<patient>[^/]+)/").patient_of(name) == ("p7", "pattern")
    assert folder(patient_pattern=r"^(?P<patient>train)").patient_of(name) == ("no match: 0001", "file_name")
    assert folder(patient_pattern=r"^(?P<patient>\d+)").patient_of(name) == ("0001", "pattern")


def test_a_group_that_matches_nothing_is_a_miss_and_accents_have_one_spelling() -> None:
    assert folder(patient_pattern=r"^(?P<patient>\d*)").patient_of("NORMAL/x.png") == ("no match: x", "file_name")
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


def test_more_than_three_missed_names_end_in_three_dots_and_three_in_a_full_stop() -> None:
    with pytest.raises(UserError, match=r"'NORMAL/2\.png', \.\.\. It has no /"):
        folder().check_patients(claims(4, 0))
    with pytest.raises(UserError, match=r"'NORMAL/2\.png'\. It has no /"):
        folder().check_patients(claims(3, 0))
