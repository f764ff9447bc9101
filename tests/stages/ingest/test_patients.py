"""The stage ingest: who is a patient, by a table, a pattern, a file name or an image, and never by a guess."""

from pathlib import Path

import pytest

from cxr.core.errors import UserError
from cxr.core.patient_salt import fingerprint
from cxr.data import manifest
from stages.ingest import patients
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import FOLDER, NIH, batch, counts, listed, nih_files, run

SOUND = png(grey(500))
NOBODY = FOLDER | {"patient_pattern": None}
pytestmark = pytest.mark.usefixtures("here", "in_this_process")


def scans(patients: int, spelt: str = "{kind}/Patient-{p:02d}_view{v}.png") -> dict[str, bytes]:
    """Four images each of some patients, the even ones ill."""
    names = [spelt.format(kind="NORMAL" if p % 2 else "PNEUMONIA", p=p, v=v) for p in range(patients) for v in range(4)]
    return {name: png(grey(1000 + index)) for index, name in enumerate(names)}


def test_a_pattern_that_misses_names_stops_ingest_and_names_some():
    batch(scans(6))
    with pytest.raises(UserError, match=r"finds no patient in 24 of 24 image names.*'NORMAL/Patient-01_view0\.png'"):
        run(FOLDER, patient_pattern=r"^patient(?P<patient>\d+)_", max_pattern_misses=0.0)
    assert not Path("data/manifest.parquet").exists()
    table = run(FOLDER, patient_pattern=r"^Patient-(?P<patient>\d+)_", max_pattern_misses=0.0)
    assert table.patient.nunique() == 6 and set(table.patient_from) == {"pattern"}


def test_names_that_the_pattern_may_miss_are_patients_of_their_own_and_the_manifest_says_which(caplog):
    batch(scans(2) | {"NORMAL/x.png": SOUND, "PNEUMONIA/y.png": png(grey(502))})
    pattern = r"^(?P<patient>Patient-\d+)_"
    with pytest.raises(UserError, match=r"2 of 10 image names, more than ingest\.max_pattern_misses \(0\.1\)"):
        run(FOLDER, patient_pattern=pattern, max_pattern_misses=0.1)
    table = run(FOLDER, patient_pattern=pattern, max_pattern_misses=0.2)
    assert counts()["patients_from"] == {"file_name": 2, "pattern": 2}
    assert table.loc[["NORMAL/x.png", "PNEUMONIA/y.png"], "patient_from"].eq("file_name").all()
    assert "ingest.patient_pattern misses, each a patient of its own: 2" in caplog.text


def test_a_name_that_the_pattern_misses_is_no_patient_whom_it_finds():
    batch(scans(2) | {"NORMAL/01.png": SOUND})
    table = run(FOLDER, patient_pattern=r"^Patient-(?P<patient>\d+)_", max_pattern_misses=0.2)
    assert "01" in {name[8:10] for name in table.index.str.rpartition("/")[2]}
    assert table.loc["NORMAL/01.png", "patient"] not in set(table.drop("NORMAL/01.png").patient)


def test_numbers_that_start_anew_in_each_folder_are_one_patient_by_name_and_one_each_by_image():
    names = [
        f"{part}/{kind}/{n:04d}.png" for part in ("train", "test") for kind in ("NORMAL", "PNEUMONIA") for n in (1, 2)
    ]
    batch({name: png(grey(1100 + index)) for index, name in enumerate(names)})
    by_name = run(NOBODY, one_patient_per="file_name")
    assert by_name.patient.nunique() == 2 and set(by_name.patient_from) == {"file_name"}
    by_image = run(NOBODY, one_patient_per="image")
    assert by_image.patient.nunique() == 8 and counts()["patients_from"] == {"image": 8}
    by_path = run(FOLDER, patient_pattern=r"^(?P<patient>[^/]+/[^/]+)/", max_pattern_misses=0.0)
    assert by_path.patient.nunique() == 4 and set(by_path.patient_from) == {"pattern"}


def test_an_image_that_is_its_own_patient_is_the_same_under_another_name_in_a_later_batch():
    batch({"NORMAL/a.png": SOUND})
    batch({"NORMAL/b.png": SOUND, "NORMAL/c.png": png(grey(503))}, "batch-002")
    run(NOBODY, one_patient_per="image")
    assert listed("merged").patient.tolist() == ["same"] and counts()["patients"] == 2


def test_a_tables_patients_are_said_to_be_from_its_column():
    batch(nih_files(2))
    assert set(run(NIH).patient_from) == {"column"} and counts()["patients_from"] == {"column": 2}


def test_the_split_rule_of_the_manifest_says_what_made_the_patients():
    batch(scans(3))
    run(NOBODY, one_patient_per="image")
    assert manifest.read(Path("data/manifest.parquet")).head.split_rule["patients_from"] == ["image"]


def test_a_private_sets_labels_are_corrected_by_names_that_no_output_has(monkeypatch):
    monkeypatch.setenv("CXR_PATIENT_SALT", "a salt of ours")
    batch({"NORMAL/person1_a.png": SOUND, "PNEUMONIA/person2_b.png": png(grey(504))})
    batch({"PNEUMONIA/person1_a.png": SOUND, "NORMAL/person2_c.png": png(grey(504))}, "batch-002")
    table = run(FOLDER, public=False, salt_fingerprint=fingerprint("a salt of ours"))
    assert sorted(listed("merged").outcome) == ["conflict", "corrected"] and table.label_PNEUMONIA.tolist() == [1, 1]
    assert "person" not in Path("data/merged.csv").read_text() + Path("data/ingest.json").read_text()


def test_ids_that_differ_in_case_or_leading_zeros_alone_are_said_and_stay_apart(caplog):
    assert patients.alike(["p7", "P07", "p70", "x", "x", "IM-007", "im-7", "0", "00"]) == 6
    batch({f"NORMAL/{name}_1.png": png(grey(1200 + n)) for n, name in enumerate(["p7", "P07", "p8"])})
    assert run(FOLDER, patient_pattern=r"^(?P<patient>[^_]+)_").patient.nunique() == 3
    assert counts()["patients_alike"] == 2 and "in case or leading zeros alone: 2" in caplog.text
