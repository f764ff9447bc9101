"""The report says what was measured, says what is missing, and trusts no name."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape

from cxr.core.files import write_csv, write_json
from cxr.params.schema import Params
from stages.report import headline
from stages.report.inputs import ReportInputs, read
from stages.report.run import html
from tests.fixtures import tiny_nets

HOSTILE = '<img src=x onerror="alert(1)">'


def entry(macro: float, labels: dict[str, Any]) -> dict[str, Any]:
    """One variant of metrics/evaluate.json."""
    names = ["macro", "worst", *labels]
    values = {"macro": macro, "worst": macro, **labels}
    points = dict.fromkeys(("sensitivity", "specificity", "precision", "f1", "threshold"), 0.5)
    return {
        "model": "ab" * 32,
        "images": 200,
        "patients": 80,
        "auroc": values,
        "auprc": values,
        "auroc_interval": {name: {"low": 0.7, "high": 0.95} for name in names},
        "auprc_interval": {name: {"low": "n/a", "high": "n/a"} for name in names},
        "counts": {label: {"positives": 20, "negatives": 180} for label in labels},
        "at_threshold": {label: points | {"tp": 1, "fp": 2, "tn": 3, "fn": 4} for label in labels},
        "calibration": {
            "ece": {"mean": 0.02, **dict.fromkeys(labels, 0.02)},
            "brier": {"mean": 0.1, **dict.fromkeys(labels, 0.1)},
        },
        "auroc_difference": {name: {"difference": -0.001, "low": -0.01, "high": 0.01} for name in names},
    }


def variant(size: int) -> dict[str, Any]:
    """One variant of metrics/compress.json."""
    return {
        "bytes": size,
        "bytes_gzip": size // 2,
        "sparsity": 0.5,
        "multiply_adds": 1_500_000,
        "refused": "n/a",
        "sparsity_by_layer": {"conv": 0.5},
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with what all stages leave behind, overlays and predictions excepted."""
    labels = {"Mass": 0.9, "Hernia": 0.8}
    write_json(tmp_path / "metrics/evaluate.json", {"base": entry(0.85, labels), "int8": entry(0.84, labels)})
    write_json(
        tmp_path / "metrics/compress.json",
        {"base": variant(400_000), "int8": variant(100_000), "chosen": {"name": "int8", "why": "smallest"}},
    )
    write_json(
        tmp_path / "metrics/latency.json",
        {
            "base": speed(1.0),
            "int8": speed(1.5)
            | {
                "gains": "slower here (0.71x base), 4.0x smaller",
                "conclusion": "pays in size, not in speed",
                "processor": "AMD EPYC",
                "verdict": "int8: 4.0x smaller: pays in size, not in speed",
            },
        },
    )
    write_json(
        tmp_path / "metrics/explain.json",
        {"pointing_game": {"images": 40, "hits": 20, "score": 0.5, "random": 0.1, "centre": 0.2, "class_prior": 0.4}},
    )
    write_json(tmp_path / "metrics/train.json", {"epochs_run": 3, "best_epoch": 2, "images": 100, "weights": 300_000})
    tiny_nets.card(list(labels), set="phantom", data_hash="cd" * 32).write(tmp_path / "models/base/card.json")
    write_json(tmp_path / "metrics/validate.json", checked(0))
    write_csv(tmp_path / "data/quarantine.csv", ["source", "reason"], [{"source": HOSTILE, "reason": "truncated"}])
    curve = tmp_path / "plots/train/plots/metrics/loss.tsv"
    curve.parent.mkdir(parents=True)
    curve.write_text("step\tloss\n0\t0.5\n1\t0.4\n2\t0.35\n")
    rows = [{"variant": v, "label": "Mass", "x": x, "y": x**0.5} for v in ("base", "int8") for x in (0.0, 0.5, 1.0)]
    write_csv(tmp_path / "plots/evaluate/roc.csv", ["variant", "label", "x", "y"], rows)
    return tmp_path


def speed(ratio: float) -> dict[str, Any]:
    """One variant of metrics/latency.json."""
    return {"ms_per_image": 4.0 / ratio, "speed_ratio": {"median": ratio, "low": ratio, "high": ratio}}


def checked(shared: int) -> dict[str, Any]:
    """metrics/validate.json with so many patients in two splits."""
    part = {"images": 100, "patients": 40}
    passed = {"severity": "warning", "passed": shared == 0, "unexpected": 2 * shared}
    return {
        "rows": 300,
        "patients": 120,
        "patients_from": {"column": 120},
        "patients_in_two_splits": shared,
        "split": {"test": part, "train": part, "validation": part},
        "label": {"Mass": {"images": 30, "train": 20, "validation": 6, "test": 4}},
        "expectations": {"patient_in_one_split": passed},
        "ingest": {
            "rows_in": 1307,
            "manifest": 300,
            "quarantined": 1,
            "merged": 2,
            "absent": 1004,
            "quarantined_by_reason": {"truncated": 1},
            "merged_by_outcome": {"same": 2, "conflict": 0},
        },
    }


def params(layout: str = "nih", name: str = "phantom", rule: str = "hash") -> Params:
    """Parameters of a set."""
    return Params.model_validate(
        {
            "ingest": {
                "set": name,
                "split": {"rule": rule},
                "layout": layout,
                "one_patient_per": "image" if layout == "folder" else None,
                "task": "multilabel",
                "labels": ["Mass", "Hernia"],
                "salt_fingerprint": "0",
            }
        }
    )


class Tags(HTMLParser):
    """Collects start tags with their attributes, and words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_first_screen_holds_the_figures_with_their_intervals_and_the_caveats(project: Path) -> None:
    first = html(read(project), params()).split("<main>")[0]
    words = re.sub(r"\s+", " ", Tags(first).words)
    for told in (
        "0.850",
        "0.840",
        "[0.700, 0.950]",
        "Hernia",
        "100.0 kB",
        "slower here (0.71x base), 4.0x smaller",
        "pays in size, not in speed",
        "AMD EPYC",
        "class prior 0.40",
        "Label noise: 2.0 %",
        "Not a medical device",
        "300 images of 120 patients",
    ):
        assert told in words


def test_patients_in_two_splits_stand_on_the_first_screen_with_their_number(project: Path) -> None:
    write_json(project / "metrics/validate.json", checked(7))
    first = Tags(html(read(project), params()).split("<main>")[0]).words
    assert "7 patients with images in more than one split (14 images)" in first


def test_images_that_no_official_list_names_are_counted(project: Path) -> None:
    content = checked(0)
    content["ingest"]["without_official_split"] = 1234
    write_json(project / "metrics/validate.json", content)
    told = "1,234 images that they do not name are not in test"
    assert told in html(read(project), params(rule="official"))
    assert told not in html(read(project), params(rule="hash"))


def test_the_nih_layout_is_reported_as_text_mined(project: Path) -> None:
    assert "text-mined" in html(read(project), params("nih", "nih")).split("<main>")[0]
    assert "text-mined" not in html(read(project), params("folder", "kermany"))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"column": 120}, "by the patient column of the set's table"),
        ({"pattern": 120}, "by ingest.patient_pattern"),
        ({"image": 120}, "one patient per image: the split leaks where a patient has several images"),
        ({"file_name": 20, "pattern": 100}, "20 one patient per file name"),
    ],
)
def test_the_first_screen_and_the_headline_say_which_rule_made_the_patients(
    project: Path, made: dict[str, int], said: str
) -> None:
    write_json(project / "metrics/validate.json", checked(0) | {"patients_from": made})
    header = html(read(project), params()).split("<main>")[0]
    assert f"<b>Patients.</b> {escape(said)}" in header
    assert any(line.startswith("Patients") and said in line for line in headline.lines(read(project)))


def test_the_page_needs_no_network_and_no_script(project: Path) -> None:
    for tag, attributes in Tags(html(read(project), params())).seen:
        assert tag not in ("script", "link", "iframe", "object")
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))


def test_a_hostile_file_name_is_shown_as_text(project: Path) -> None:
    page = html(read(project), params())
    assert HOSTILE not in page
    assert HOSTILE in Tags(page).words


def test_what_is_missing_is_said_with_the_command_that_makes_it(tmp_path: Path) -> None:
    page = html(read(tmp_path), params())
    for stage in ("validate", "train", "compress", "evaluate", "explain"):
        assert f"made by `dvc repro {stage}`" in page


@pytest.mark.parametrize(
    "gone",
    [
        "metrics/evaluate.json",
        "metrics/compress.json",
        "metrics/latency.json",
        "plots",
        "metrics/validate.json",
        "models/base/card.json",
        "metrics/train.json",
        "data",
    ],
)
def test_any_one_input_may_be_missing(project: Path, gone: str) -> None:
    place = project / gone
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    assert "Reproducibility" in html(read(project), params())


def test_a_card_of_newer_code_ends_the_headline_with_a_line(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(project / "models/base/card.json", {"schema": 2})
    monkeypatch.chdir(project)
    assert headline.main() == 1
    assert "models/base/card.json: is of format 2" in capsys.readouterr().err


def test_the_same_inputs_give_the_same_page(project: Path) -> None:
    assert html(read(project), params()) == html(read(project), params())


def test_a_label_without_positives_is_reported_as_not_available(project: Path) -> None:
    labels = {"Mass": 0.9, "Hernia": "n/a"}
    write_json(project / "metrics/evaluate.json", {"base": entry(0.9, labels), "int8": entry(0.9, labels)})
    inputs = read(project)
    assert "n/a" in html(inputs, params())
    assert [f.detail for f in headline.figures(inputs) if f.name.startswith("Worst")] == []


def test_labels_with_few_cases_or_none_are_named_before_any_figure_is_believed(project: Path) -> None:
    metrics = {"base": entry(0.9, {"Mass": 0.9, "Hernia": "n/a"}), "int8": entry(0.9, {"Mass": 0.9, "Hernia": "n/a"})}
    metrics["int8"]["counts"] = {"Mass": {"positives": 19, "negatives": 90}, "Hernia": {"positives": 0, "negatives": 9}}
    write_json(project / "metrics/evaluate.json", metrics)
    told = headline.warnings(read(project))
    assert [line.rpartition(": ")[2] for line in told] == ["Hernia", "Mass"]


def test_the_headline_is_aligned_and_names_set_figures_and_report(project: Path) -> None:
    lines = headline.lines(read(project))
    assert lines[0] == "Set                         phantom: multilabel, 2 labels, 300 images of 120 patients"
    assert lines[-1].endswith("reports/index.html")
    assert any(line.startswith("Macro AUROC, int8 (served)  0.840  95 % [0.700, 0.950]") for line in lines)


def test_the_headline_of_nothing_says_so() -> None:
    assert "nothing was measured yet" in headline.lines(ReportInputs({}, {}, {}, Path()))[0]
