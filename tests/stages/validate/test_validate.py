"""What the expectations on the manifest let through and what they refuse."""

import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from cxr.core.errors import UserError
from cxr.core.files import read_json, sha256_file, write_json
from cxr.data import manifest as manifests
from cxr.data.manifest import STATISTICS, Head, Manifest
from cxr.params.schema import Expectation, Params, Validate
from stages.validate import checks, columns, run

PATIENTS, PER_PATIENT = 60, 3


def a_manifest(labels: tuple[str, ...] = ("Mass", "Hernia"), task: str = "multilabel") -> Manifest:
    """A faultless manifest: 60 patients of 3 images, split 4:1:1 by patient, labels in every split."""
    count = PATIENTS * PER_PATIENT
    patient = np.arange(count) // PER_PATIENT
    hits = {
        f"label_{name}": (
            (np.arange(count) % len(labels) == place) if task == "multiclass" else np.arange(count) % (place + 2) == 0
        ).astype("int8")
        for place, name in enumerate(labels)
    }
    split = pd.Series(patient % 6).map(lambda part: {4: "validation", 5: "test"}.get(part, "train"))
    table = pd.DataFrame(
        {
            "image_id": [f"{i:032x}" for i in range(count)],
            "patient": [f"{p:016x}" for p in patient],
            "patient_from": "column",
            "study": "1",
            "view": "PA",
            "sex": "F",
            "age": np.float32(40),
            "batch": "batch-001",
            "source": [f"images/{i}.png" for i in range(count)],
            "sha256": [f"{i:064x}" for i in range(count)],
            "width": np.int32(256),
            "height": np.int32(256),
            "stored_bits": np.int16(8),
            "bit_depth": np.int16(8),
            "orientation": np.int8(1),
            **dict.fromkeys(STATISTICS, np.float32(50)),
            "boxes": "[]",
            "split": split,
            "gate": split.eq("validation") & (patient % 4 == 0),
            **hits,
        }
    )
    return Manifest(Head("set", task, labels), table)


def ingested(manifest: Manifest, **changed: Any) -> dict[str, Any]:
    """Ingest's counts that fit the manifest."""
    rows = len(manifest.table)
    return {"rows_in": rows + 3, "manifest": rows, "quarantined": {"truncated": 1}, "merged": 0, "absent": 2} | changed


def merged(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """What is read of data/merged.csv."""
    return pd.DataFrame(list(rows), columns=list(columns.MERGED), dtype=str)


def failing(
    manifest: Manifest, counts: dict[str, Any] | None = None, gone: pd.DataFrame | None = None, **bounds: Any
) -> dict[str, int]:
    """Names of the expectations that are not met, with their counts."""
    section = Validate.model_validate({"min_patients_for_label_check": 10} | bounds)
    severities, rows = checks.severities(section.severity), merged() if gone is None else gone
    _, found = run.evaluate(manifest, counts or ingested(manifest), rows, section, severities)
    return {each.name: each.unexpected for each in found if not each.passed}


def with_cells(column: str, *values: Any) -> Manifest:
    """The faultless manifest with other values in the first cells of a column."""
    manifest = a_manifest()
    manifest.table.loc[: len(values) - 1, column] = np.array(values, manifest.table[column].to_numpy().dtype)
    return manifest


def test_a_faultless_manifest_meets_every_expectation() -> None:
    assert failing(a_manifest()) == {}


def test_16_bit_files_of_two_depths_are_a_warning_with_the_rarer_ones() -> None:
    manifest = a_manifest()
    manifest.table["stored_bits"] = np.int16(16)
    manifest.table["bit_depth"] = np.int16(12)
    assert failing(manifest) == {}
    manifest.table.loc[:2, "bit_depth"] = np.int16(16)
    assert failing(manifest) == {"grey_depths_agree": 3}
    assert checks.severities({})["grey_depths_agree"] == "warning"


def test_a_patient_in_two_splits_is_found_with_all_its_images() -> None:
    assert failing(with_cells("split", "test")) == {"patient_in_one_split": PER_PATIENT}


def test_an_image_and_a_file_that_stand_twice_are_found_and_an_unknown_age_is_not_missing() -> None:
    manifest = with_cells("age", np.nan)
    manifest.table.loc[1, ["source", "sha256"]] = manifest.table.loc[0, ["source", "sha256"]].to_list()
    manifest.table.loc[3, "image_id"] = manifest.table.loc[2, "image_id"]
    assert failing(manifest) == {"image_id_unique": 2, "file_unique": 2}


def test_a_label_that_is_nowhere_in_a_split_is_found_from_a_number_of_patients_up() -> None:
    manifest = a_manifest()
    manifest.table.loc[manifest.table["split"] == "test", "label_Hernia"] = np.int8(0)
    assert failing(manifest, prevalence=[0.4, 0.6]) == {"labels_in_every_split": 1, "prevalence_in_bounds": 1}
    assert failing(manifest, min_patients_for_label_check=PATIENTS + 1) == {}


def test_a_multiclass_row_with_two_labels_is_found() -> None:
    manifest = a_manifest(("a", "b", "c"), "multiclass")
    manifest.table.loc[0, ["label_a", "label_b"]] = np.int8(1)
    assert failing(manifest) == {"one_label_per_image": 1}


@pytest.mark.parametrize(
    ("box", "outside"),
    [
        ('[{"label": "Mass", "x": 0, "y": 0, "w": 256.5, "h": 256}]', 0),
        ('[{"label": "Mass", "x": -9, "y": 0, "w": 20, "h": 20}]', 1),
        ('[{"label": "Mass", "x": 0, "y": 0, "w": 0, "h": 10}]', 1),
        ('[{"label": "Mass", "x": "left"}, {"label": "Mass", "x": 0, "y": 0, "w": 300, "h": 10}]', 2),
        ("no list", 1),
    ],
)
def test_a_box_lies_inside_its_image_with_a_pixels_tolerance(box: str, outside: int) -> None:
    derived = columns.derive(with_cells("boxes", box).table, ("Mass", "Hernia"), merged())
    assert derived["boxes_outside"].tolist()[:2] == [outside, 0]


def test_counts_that_do_not_add_up_are_found_and_merged_duplicates_only_warned_about() -> None:
    manifest = a_manifest()
    rows = len(manifest.table)
    assert failing(manifest, ingested(manifest, rows_in=rows + 9, merged=4)) == {
        "counts_add_up": 2,
        "no_duplicate_pixels": 6,
    }
    assert checks.severities({})["no_duplicate_pixels"] == "warning"


def test_an_empty_split_is_found() -> None:
    manifest = a_manifest()
    table = manifest.table[manifest.table["split"] != "test"]
    assert "splits_not_empty" in failing(Manifest(manifest.head, table), ingested(manifest, rows_in=len(table) + 3))


def test_a_missing_label_column_leaves_only_the_columns_to_judge() -> None:
    manifest = a_manifest()
    assert failing(Manifest(manifest.head, manifest.table.drop(columns="label_Mass"))) == {"columns": 1}


def test_a_wrong_column_type_is_found() -> None:
    manifest = a_manifest()
    manifest.table["width"] = manifest.table["width"].astype("float64")
    assert failing(manifest) == {"column_types": 1}


def test_params_know_the_names_of_all_expectations_and_no_others() -> None:
    assert get_args(Expectation) == checks.NAMES


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder, entered."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(manifest: Manifest) -> None:
    """What ingest leaves behind."""
    manifests.write(run.MANIFEST, manifest)
    write_json(run.COUNTS, ingested(manifest))
    merged().to_csv(run.MERGED, index=False)


def params(**section: Any) -> Params:
    """Parameters with this section `validate`."""
    ingest = {
        "set": "set",
        "layout": "nih",
        "task": "multilabel",
        "labels": ["Mass", "Hernia"],
        "salt_fingerprint": "0",
    }
    return Params.model_validate({"ingest": ingest, "validate": {"min_patients_for_label_check": 10} | section})


def test_a_critical_failure_names_the_file_and_what_to_do_and_still_writes_the_results(project: Path) -> None:
    put(with_cells("view", "<script>alert(1)</script>"))
    with pytest.raises(UserError, match=r"critical: view_known: 1 unexpected: batch-001/images/0\.png .view="):
        run.validate(params())
    assert read_json(run.METRICS)["expectations"]["view_known"] == {
        "severity": "critical",
        "passed": False,
        "unexpected": 1,
    }
    for page in run.DOCS.glob("*.html"):  # no address, no script, nothing unescaped, no place
        text = page.read_text()
        assert "<script" not in text
        assert "http" not in text.replace("http-equiv", "")
        assert str(project) not in text
    assert "alert(1)" in (run.DOCS / "index.html").read_text()


def test_a_warning_is_counted_and_does_not_stop(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(with_cells("split", "test"))
    run.validate(params(severity={"patient_in_one_split": "warning"}))
    numbers = read_json(run.METRICS)
    assert "warning: patient_in_one_split: 3 unexpected" in caplog.text
    assert numbers["patients_in_two_splits"] == 1
    assert numbers["unexpected"]["patient_in_one_split"] == 3
    assert numbers["failed"] == {"critical": 0, "warning": 1, "info": 0}
    assert (numbers["rows"], numbers["patients"]) == (180, 60)
    assert numbers["split"]["test"] == {"images": 31, "patients": 11}
    assert numbers["label"]["Hernia"]["images"] == 60
    assert numbers["ingest"] == {
        "rows_in": 183,
        "manifest": 180,
        "quarantined": 1,
        "merged": 0,
        "absent": 2,
        "quarantined_by_reason": {"truncated": 1},
        "merged_by_outcome": {},
        "merged_of_other_patient": 0,
        "without_official_split": 0,
    }


@pytest.mark.slow
def test_another_process_with_other_hash_seeds_writes_the_same_bytes(project: Path) -> None:
    broken = with_cells("view", "oblique", "")
    put(Manifest(broken.head, broken.table[broken.table["split"] == "train"]))
    root = Path(__file__).resolve().parents[3]
    program = (
        "from stages.validate import run; from cxr.params.schema import Params; import sys\n"
        f"try: run.validate(Params.model_validate_json({params().model_dump_json(by_alias=True)!r}))\n"
        "except Exception as error: print(error)"
    )
    written = []
    for seed in ("1", "2"):
        environment = {"PYTHONPATH": str(root), "PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin", "TZ": f"UTC+{seed}"}
        subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True)
        written.append([sha256_file(path) for path in (run.METRICS, *sorted(run.DOCS.glob("*.html")))])
    assert written[0] == written[1]
    assert len(written[0]) == 3
