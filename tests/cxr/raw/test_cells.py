"""What single cells mean: one reading for patients, sexes, ages and views."""

import math

import pytest

from cxr.raw import cells


@pytest.mark.parametrize("text", ["7", "7.0", "7.00", "007", " 7 ", "\u00a07\u2007", "\uff17", "\u0667", "\ufeff7"])
def test_a_number_as_id_is_one_patient_however_it_is_written(text):
    assert cells.patient_id(text) == "7"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("000", "0"),
        ("P007", "P007"),
        ("7a", "7a"),
        ("1.000", "1.000"),
        ("7.5", "7.5"),
        ("u\u0308", "ü"),
        ("a  b", "a b"),
        ("12\u00b2", "12\u00b2"),
        ("\uff21\uff11", "A1"),
    ],
)
def test_an_id_that_is_no_whole_number_stays_as_it_is(text, read):
    assert cells.patient_id(text) == read


def test_ids_that_a_spreadsheet_has_rounded_are_counted_by_column():
    counts = cells.Counts()
    for text in ("8.4E+36", "1.23457E+11", "1e5", "1.000", "7,5", "7", "7.0", "P1E", "12"):
        counts.patient("Patient ID", text)
    assert counts.rounded_ids == {"Patient ID": 5}


AGES = {
    "57": 57, "058Y": 58, "58 Y": 58, "60 years": 60, "60.5": 60.5, "60,5": 60.5, "006M": 0.5, "6 months": 0.5,
    "000D": 0, "14 D": 14 / 365.25, " 12 ": 12, "414": 414,
}  # fmt: skip


@pytest.mark.parametrize("text", AGES)
def test_ages_come_in_years(text):
    assert cells.age_in_years(text) == pytest.approx(AGES[text])


@pytest.mark.parametrize("text", ["", "nan", "NaN", " ", "unknown"])
def test_a_missing_age_is_unknown(text):
    assert math.isnan(cells.age_in_years(text))


@pytest.mark.parametrize("text", ["-3", "inf", "1e3", "twelve", "089Y+", "60-65", "> 89", "Y", "1,000", "5 Z"])
def test_an_age_that_is_no_number_of_years_is_not_understood_and_counted(text):
    counts = cells.Counts()
    assert math.isnan(counts.age("Patient Age", text)) and counts.not_understood == {("age", "Patient Age", text): 1}


def test_an_age_of_more_digits_than_a_number_holds_is_not_understood() -> None:
    counts = cells.Counts()
    assert math.isnan(counts.age("Patient Age", "9" * 400 + "Y"))
    assert counts.by_column() == {"Patient Age": 1}


@pytest.mark.parametrize(
    ("text", "read"),
    [("M", "M"), ("male ", "M"), ("F ", "F"), ("Female", "F"), ("w", "F"), ("weiblich", "F"), ("", ""), ("U", "")],
)
def test_sexes_are_m_f_or_unknown(text, read):
    assert cells.sex(text) == read


@pytest.mark.parametrize("text", ["1", "0", "O", "divers", "M/F"])
def test_a_sex_that_is_not_understood_is_counted(text):
    counts = cells.Counts()
    assert counts.sex("Patient Gender", text) == "" and counts.not_understood == {("sex", "Patient Gender", text): 1}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("pa", "PA"), ("AP Supine", "AP"), ("AP_horizontal", "AP"), ("semi-erect AP", "AP"), ("postero-anterior", "PA"),
        ("Lateral", "LATERAL"), ("LAT", "LATERAL"), ("LL", "LL"), ("", ""), ("nan", ""),
    ],
)  # fmt: skip
def test_a_view_is_a_word_of_dicom_without_the_posture(text, read):
    assert cells.view(text) == read


@pytest.mark.parametrize("text", ["PA/LAT", "PA/AP", "FRONTAL", "L", "Supine", "APPA"])
def test_a_view_that_is_not_understood_is_counted_and_cut_where_it_is_long(text):
    counts = cells.Counts()
    assert counts.view("View Position", text) == "" and counts.not_understood == {("view", "View Position", text): 1}
    counts.view("View Position", "x" * 99)
    assert counts.not_understood["view", "View Position", "x" * 40] == 1
