"""Ingest of a private set: no output names a file or holds an id, and the counts, images and splits are the same."""

import hashlib
import re
from pathlib import Path

import pandas as pd
import pytest

from cxr.core.errors import UserError
from cxr.core.files import sha256_file
from cxr.core.patient_salt import fingerprint
from cxr.data import manifest
from cxr.raw import private_names
from cxr.raw.layouts.base import REASONS
from stages.ingest import privacy
from stages.ingest.run import ingest
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import (
    BOX_HEADER,
    FOLDER,
    NIH,
    NIH_HEADER,
    adds_up,
    batch,
    counts,
    listed,
    nih_row,
    nih_table,
    params,
    run,
)

SALT = "a salt of the hospital's own"
PRIVATE = {"public": False, "salt_fingerprint": fingerprint(SALT)}
SECRETS = ("Mueller", "Anna", "PAT-", "12345678", "MUELLER", "Sparrow", "20240131", "Huber", "1987041")
pytestmark = pytest.mark.usefixtures("here", "in_this_process")


@pytest.fixture(autouse=True)
def salt(monkeypatch):
    """The hospital's salt, set."""
    monkeypatch.setenv("CXR_PATIENT_SALT", SALT)


def hospital():
    """A batch of layout nih whose names and values give patients away, with every kind of fault."""
    rows = [
        nih_row("Mueller_Anna_1987.png", "Mass", "PAT-12345678", study=20240131),
        nih_row("Mueller_Anna_1988.png", "Effusion", "PAT-12345678", "19870412", study=2),
        nih_row("Huber.png", "No Finding", "PAT-2").replace(",PA,", ",MUELLER,"),
        nih_row("Huber_again.png", "Mass", "PAT-2"),
        nih_row("Huber_broken.png", "Mass", "PAT-2"),
        nih_row("Huber_word.png", "Sparrow", "PAT-2"),
        nih_row("Huber_gone.png", "Mass", "PAT-3"),
        nih_row("../Huber", "Mass", "PAT-3"),
        nih_row("Huber_nobody.png", "Mass", ""),
    ]
    images = ["Mueller_Anna_1987", "Mueller_Anna_1988", "Huber", "Huber_word", "Huber_nobody", "Huber_stray"]
    return batch(
        {
            "Data_Entry_Mueller.csv": nih_table(*rows),
            "BBox_List_Mueller.csv": "\n".join([BOX_HEADER, "Mueller_Anna_1987.png,Huber,1,2,3,4"]),
            **{f"images/{name}.png": png(grey(700 + i)) for i, name in enumerate(images)},
            "images/Huber_again.png": png(grey(702)),
            "images/Huber_broken.png": png(grey(703))[:60],
            "Anna Mueller.dat": "PAT-12345678",
        }
    )


def said(folder=Path()):
    """All that stands below the working folder but in the raw batches and the folder of names, as text."""
    texts = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and parts[:2] not in (("data", "raw"), (".runs", "names")):
            texts.append(path.read_bytes().decode("latin-1") + path.as_posix())
            if path.suffix == ".parquet":
                texts.append(pd.read_parquet(path).to_csv() + str(manifest.read(path).head))
    return "\n".join(texts)


def test_no_output_names_a_file_or_holds_a_value_that_may_be_an_id(capsys, caplog):
    hospital()
    run(NIH, **PRIVATE)
    assert [secret for secret in SECRETS if secret in said() + caplog.text + "".join(capsys.readouterr())] == []
    assert adds_up() and counts()["rows_in"] == 11 and counts()["absent"] == 1 and counts()["merged"] == 1
    assert set(counts()["quarantined"]) == {
        "truncated",
        "unknown_label",
        "unsafe_path",
        "bad_row",
        "not_in_table",
        "not_an_image",
    }


def test_what_names_stood_for_is_said_by_sha256_batch_and_line():
    made = hospital()
    table = run(NIH, **PRIVATE).reset_index()
    sha256 = sha256_file(made / "images/Mueller_Anna_1987.png")
    row = table[table.sha256 == sha256].iloc[0]
    assert (row.source, row.batch, row.label_Mass) == (f"{sha256}.png", "batch-001", 1)
    assert (table.source == table.sha256 + ".png").all()
    assert re.fullmatch(r"[0-9a-f]{16}-[0-9a-f]{16}", row.study) and '"other"' in row.boxes
    assert sorted(table.age) == [50, 50, 999]
    assert sorted(table.view) == ["", "PA", "PA"]
    refused = listed("quarantine").set_index("reason")
    assert refused.loc["truncated"].row == "line 6"
    assert refused.loc["truncated"].sha256 == sha256_file(made / "images/Huber_broken.png")
    assert refused.loc["unknown_label"].detail == "a label that is not among ingest.labels"
    assert listed("absent").row.tolist() == ["line 8"] and listed("absent").source.tolist() == [""]
    assert listed("merged").source.str.fullmatch(r"[0-9a-f]{64}\.png").all()


def test_the_names_stand_in_a_folder_of_the_owners():
    made = hospital()
    run(NIH, **PRIVATE)
    (found,) = private_names.find(sha256_file(made / "images/Mueller_Anna_1987.png"))
    assert (found.name, found.patient, found.row) == ("images/Mueller_Anna_1987.png", "PAT-12345678", "line 2")
    key = found.patient_key
    assert {row.name for row in private_names.find(key)} == {
        "images/Mueller_Anna_1987.png",
        "images/Mueller_Anna_1988.png",
    }
    assert {row.detail for row in private_names.read("set-made") if row.outcome == "unknown_label"} == {
        "'Sparrow' is not among ingest.labels"
    }
    rows = private_names.read("set-made")
    assert [row.detail for row in rows if row.outcome == "not_understood"] == ["View Position 'MUELLER': 1"]
    assert len(rows) == counts()["rows_in"] + 1


def test_private_and_public_differ_in_names_alone():
    hospital()
    own = {"salt_fingerprint": PRIVATE["salt_fingerprint"]}
    public = run(NIH, **own).reset_index()
    assert {"Mueller", "Sparrow", "20240131"} <= {secret for secret in SECRETS if secret in said()}
    private = run(NIH, **PRIVATE).reset_index()
    same = [name for name in public if name not in ("source", "study", "view", "boxes", "age")]
    pd.testing.assert_frame_equal(public[same], private[same])
    assert manifest.read(Path("data/manifest.parquet")).head.public is False


def test_a_set_with_a_salt_of_its_own_is_asked_whether_it_is_public(caplog):
    batch({"NORMAL/IM-0001-0001.png": png(grey(750))})
    run(FOLDER, salt_fingerprint=PRIVATE["salt_fingerprint"])
    assert "ingest.public is true" in caplog.text
    caplog.clear()
    run(FOLDER, **PRIVATE)
    assert "ingest.public" not in caplog.text


def test_a_folder_sets_patients_stay_apart_and_unnamed():
    batch({f"NORMAL/IM-{n:04d}-000{i}.png": png(grey(720 + 2 * n + i)) for n in range(3) for i in range(2)})
    table = run(FOLDER, **PRIVATE)
    assert table.patient.nunique() == 3 and "IM-0" not in said()


def test_what_an_earlier_run_recorded_is_found_again_without_names(monkeypatch):
    from stages.ingest import earlier

    hospital()
    first = run(NIH, **PRIVATE)
    content = Path("data/manifest.parquet").read_bytes()
    found = earlier._facts(content, {(row.sha256, ".png") for row in first.itertuples()})
    assert len(found) == len(first) == 3


@pytest.mark.parametrize("file", ["Data_Entry_Huber.csv", "BBox_List_Huber.csv"])
def test_a_batch_that_stops_the_stage_is_not_named_either(file, caplog, capsys):
    tables = {"Data_Entry_Huber.csv": nih_table(nih_row("Huber.png")), "BBox_List_Huber.csv": BOX_HEADER}
    wrong = {
        "Data_Entry_Huber.csv": NIH_HEADER.replace("Patient ID", "PAT-12345678"),
        "BBox_List_Huber.csv": f"{BOX_HEADER}\nHuber.png,Mass,Mueller,Anna,1,2",
    }
    batch({**tables, file: wrong[file], "images/Huber.png": png(grey(730))})
    with pytest.raises(UserError, match=r"\.runs/names/ingest\.txt") as caught:
        ingest(params(NIH, **PRIVATE))
    heard = said() + caplog.text + "".join(capsys.readouterr()) + str(caught.value)
    assert [secret for secret in SECRETS if secret in heard] == []
    assert file in (private_names.FOLDER / "ingest.txt").read_text()


def test_a_changed_file_is_not_named_in_the_message():
    made = hospital()
    (made / "images/Huber.png").write_bytes(b"other")
    with pytest.raises(UserError, match="HashMismatch") as caught:
        ingest(params(NIH, **PRIVATE))
    assert "Huber" not in str(caught.value)


def test_too_many_refusals_are_listed_without_names_and_with_them_for_the_owner():
    hospital()
    with pytest.raises(UserError, match="quarantined"):
        run(NIH, **PRIVATE, max_quarantined_fraction=0.0)
    assert [secret for secret in SECRETS if secret in said()] == []
    assert Path(".runs/quarantine.csv").read_text().count("\n") == 7
    assert any(row.name == "images/Huber_broken.png" for row in private_names.read("set-made"))


def test_every_reason_has_a_sentence():
    assert [reason for reason in REASONS if reason not in privacy.SAYS] == []


def test_the_manifest_of_a_public_set_does_not_say_that_it_is_public():
    batch({"NORMAL/a.png": png(grey(740))})
    run(FOLDER, salt_fingerprint=PRIVATE["salt_fingerprint"])
    assert b"public" not in Path("data/manifest.parquet").read_bytes()
    assert manifest.read(Path("data/manifest.parquet")).head.public is True
    assert not private_names.FOLDER.exists()


def test_the_public_salt_is_refused_for_a_private_set(monkeypatch):
    monkeypatch.delenv("CXR_PATIENT_SALT")
    with pytest.raises(ValueError, match="CXR_PATIENT_SALT"):
        params(NIH, public=False)
    assert hashlib.sha256(b"cxr-pipeline").hexdigest()[:12] == fingerprint("cxr-pipeline")
