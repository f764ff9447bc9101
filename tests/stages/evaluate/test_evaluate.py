"""The evaluate stage, run whole on a small project: what it writes, and what it refuses."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from cxr.core.errors import UserError
from cxr.core.files import read_json, write_json
from cxr.data import manifest, shards
from cxr.model import model_folder
from cxr.model.litert import Net
from cxr.params import Params
from stages.evaluate.run import main
from tests.fixtures import tiny_nets

OUTPUTS = (
    "metrics/evaluate.json",
    "data/predictions.parquet",
    "plots/evaluate/roc.csv",
    "plots/evaluate/pr.csv",
    "plots/evaluate/confusion.csv",
)
TASKS = {"multilabel": ["a", "b", "rare"], "multiclass": ["x", "y", "z"], "binary": ["sick"]}
COUNT = 160


def params(task: str) -> Any:
    negative = "well" if task == "binary" else None
    return Params.model_validate(
        {
            "ingest": {
                "set": "made-up",
                "layout": "folder",
                "one_patient_per": "file_name",
                "task": task,
                "labels": TASKS[task],
                "negative": negative,
                "salt_fingerprint": "0" * 12,
            },
            "evaluate": {"bootstrap": 30, "latency_images": 8},
        }
    )


def write_project(folder: Path, task: str) -> None:
    """160 images of 40 patients, half of them test; base and an int8 variant that see them."""
    labels = TASKS[task]
    images = tiny_nets.pictures(COUNT)
    base = tiny_nets.write(folder / "models/base", "float", labels, task)
    tiny_nets.write(folder / "models/compressed/int8", "int8", labels, task)
    truth = tiny_nets.targets_of(Net(base).logits(images), task)
    ids = [f"{i * 7919 % 2**32:08x}{i:024x}" for i in range(COUNT)]
    table = pd.DataFrame(
        {
            "image_id": ids,
            "patient": [f"p{i // 4}" for i in range(COUNT)],
            "split": np.where(np.arange(COUNT) // 4 % 2, "test", "train"),
        }
    )
    for name in manifest.COLUMNS:
        if name not in table:
            table[name] = {
                "boxes": "[]",
                "gate": False,
                "width": 16,
                "height": 16,
                "stored_bits": 8,
                "bit_depth": 8,
                "orientation": 1,
                "age": np.nan,
                **dict.fromkeys(manifest.STATISTICS, 1.0),
            }.get(name, "")
    for position, label in enumerate(labels):
        table[f"label_{label}"] = truth[:, position].astype(np.int8) if label != "rare" else 0
    manifest.write(
        folder / "data/manifest.parquet", manifest.Manifest(manifest.Head("made-up", task, tuple(labels)), table)
    )
    place = dict(zip(ids, images, strict=True))
    for bucket, members in shards.plan(ids, 4).items():
        shards.write_bucket(folder / "data/processed", bucket, np.stack([place[i] for i in members]))
    shards.finish(folder / "data/processed", ids, 4)
    sizes = {"base": {"bytes": 4000, "bytes_gzip": 3000}, "int8": {"bytes": 1000, "bytes_gzip": 900}}
    write_json(folder / "metrics/compress.json", {**sizes, "chosen": {"name": "int8"}})


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One project for each task, evaluated."""
    made = {task: tmp_path_factory.mktemp(task) for task in TASKS}
    with pytest.MonkeyPatch.context() as patch:
        for task, folder in made.items():
            write_project(folder, task)
            patch.chdir(folder)
            main(params(task))
    return made


@pytest.fixture
def fresh(projects: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the multilabel project's inputs, entered."""
    for name in ("data", "models", "metrics"):
        shutil.copytree(projects["multilabel"] / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def metrics(folder: Path) -> dict[str, Any]:
    return dict(read_json(folder / "metrics/evaluate.json"))


@pytest.mark.parametrize("task", TASKS)
def test_every_variant_is_measured_with_the_hash_of_its_model(projects: dict[str, Path], task: str) -> None:
    found = metrics(projects[task])
    assert set(found) == {"base", "int8"}
    assert found["int8"]["model"] == model_folder.identity(projects[task] / "models/compressed/int8")
    assert found["base"]["images"] == 80 and found["base"]["patients"] == 20
    assert set(found["base"]["auroc"]) == {"macro", "worst", *TASKS[task]}
    assert 0.7 < found["base"]["auroc"]["macro"] < 1
    interval = found["base"]["auroc_interval"]["macro"]
    assert interval["low"] < found["base"]["auroc"]["macro"] < interval["high"]


def test_auroc_is_that_of_the_test_rows_in_the_predictions(projects: dict[str, Path]) -> None:
    rows = pd.read_parquet(projects["multilabel"] / "data/predictions.parquet")
    table = manifest.read(projects["multilabel"] / "data/manifest.parquet").rows("test").table
    for variant, group in rows.groupby("variant"):
        assert list(group["image_id"]) == sorted(table["image_id"])
        expected = roc_auc_score(group["target_a"], group["logit_a"])
        assert metrics(projects["multilabel"])[variant]["auroc"]["a"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("task", TASKS)
def test_predictions_hold_what_the_model_says_of_its_images(projects: dict[str, Path], task: str) -> None:
    rows = pd.read_parquet(projects[task] / "data/predictions.parquet")
    ours = rows[rows["variant"] == "int8"]
    net = Net(projects[task] / "models/compressed/int8")
    images = shards.Shards(projects[task] / "data/processed").images(list(ours["image_id"]))
    for position, label in enumerate(TASKS[task]):
        np.testing.assert_array_equal(ours[f"logit_{label}"], net.logits(images)[:, position])
        np.testing.assert_array_equal(ours[f"probability_{label}"], net.probabilities(images)[:, position])


def test_a_label_without_positives_is_not_available_with_its_counts(projects: dict[str, Path]) -> None:
    base = metrics(projects["multilabel"])["base"]
    assert base["auroc"]["rare"] == base["auprc"]["rare"] == "n/a"
    assert base["auroc_interval"]["rare"] == {"low": "n/a", "high": "n/a"}
    assert base["counts"]["rare"] == {"positives": 0, "negatives": 80}
    assert base["auroc"]["macro"] == pytest.approx((base["auroc"]["a"] + base["auroc"]["b"]) / 2, abs=1e-9)


def test_the_report_uses_the_thresholds_of_the_card(projects: dict[str, Path]) -> None:
    rows = pd.read_parquet(projects["binary"] / "data/predictions.parquet")
    rows = rows[rows["variant"] == "base"]
    at = metrics(projects["binary"])["base"]["at_threshold"]["sick"]
    called = rows["probability_sick"] >= 0.5
    assert at["threshold"] == 0.5
    assert at["tp"] == int((called & (rows["target_sick"] == 1)).sum())
    assert at["tp"] + at["fn"] == metrics(projects["binary"])["base"]["counts"]["sick"]["positives"]
    right = (called == (rows["target_sick"] == 1)).mean()
    assert metrics(projects["binary"])["base"]["accuracy"] == pytest.approx(right, abs=1e-6)


def test_only_tasks_with_one_answer_have_an_accuracy(projects: dict[str, Path]) -> None:
    assert "accuracy" not in metrics(projects["multilabel"])["base"]
    rows = pd.read_parquet(projects["multiclass"] / "data/predictions.parquet").query("variant == 'base'")
    said, true = (
        rows[[f"{kind}_{label}" for label in "xyz"]].to_numpy().argmax(axis=1) for kind in ("probability", "target")
    )
    assert metrics(projects["multiclass"])["base"]["accuracy"] == pytest.approx((said == true).mean(), abs=1e-6)


def test_the_difference_against_base_is_paired(projects: dict[str, Path]) -> None:
    found = metrics(projects["multilabel"])
    change = found["int8"]["auroc_difference"]["macro"]
    assert change["difference"] == pytest.approx(
        found["int8"]["auroc"]["macro"] - found["base"]["auroc"]["macro"], abs=2e-9
    )
    assert change["low"] <= change["difference"] <= change["high"]
    alone = found["int8"]["auroc_interval"]["macro"]
    assert change["high"] - change["low"] < (alone["high"] - alone["low"]) / 2
    assert "auroc_difference" not in found["base"]


def test_times_and_verdicts_stand_in_latency_json_alone(projects: dict[str, Path]) -> None:
    speed = read_json(projects["multilabel"] / "metrics/latency.json")
    assert speed["int8"]["ms_per_image"] > 0 and speed["int8"]["images"] == 8
    assert speed["base"]["speed_ratio"] == {"median": 1.0, "low": 1.0, "high": 1.0}
    assert isinstance(speed["int8"]["pays"]["speed"], bool)
    assert speed["int8"]["verdict"].startswith("int8: 4.0x smaller (zipped: 3.3x smaller)")
    assert "ms_per_image" not in json.dumps(metrics(projects["multilabel"]))


@pytest.mark.parametrize("task", TASKS)
def test_confusion_rows_count_every_image_once_a_table(projects: dict[str, Path], task: str) -> None:
    with (projects[task] / "plots/evaluate/confusion.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    tables = {(row["variant"], row["label"]) for row in rows}
    assert len(tables) == 2 * (1 if task == "multiclass" else len(TASKS[task]))
    for table in tables:
        assert sum(int(row["count"]) for row in rows if (row["variant"], row["label"]) == table) == 80


def test_a_second_run_gives_the_same_bytes_but_for_the_times(
    fresh: Path, projects: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_WORKERS", "1")
    main(params("multilabel"))
    for name in OUTPUTS:
        assert (fresh / name).read_bytes() == (projects["multilabel"] / name).read_bytes(), name


def test_without_resamples_the_intervals_are_not_available(fresh: Path, projects: dict[str, Path]) -> None:
    given = params("multilabel")
    main(given.model_copy(update={"evaluate": given.evaluate.model_copy(update={"bootstrap": 0})}))
    assert metrics(fresh)["base"]["auroc_interval"]["macro"] == {"low": "n/a", "high": "n/a"}
    assert metrics(fresh)["base"]["auroc"] == metrics(projects["multilabel"])["base"]["auroc"]


def test_predictions_name_patients_only_by_their_hash_columns(projects: dict[str, Path]) -> None:
    names = pq.read_schema(projects["multilabel"] / "data/predictions.parquet").names
    assert names == [
        "variant",
        "image_id",
        "patient",
        *(f"{kind}_{label}" for label in TASKS["multilabel"] for kind in ("logit", "probability", "target")),
    ]


def test_a_variant_whose_folder_is_missing_is_named(fresh: Path) -> None:
    shutil.rmtree(fresh / "models/compressed/int8")
    with pytest.raises(UserError, match="names 'int8', but models/compressed/int8 is missing"):
        main(params("multilabel"))


def test_missing_figures_of_compress_are_said_in_words(fresh: Path) -> None:
    (fresh / "metrics/compress.json").unlink()
    with pytest.raises(UserError, match=r"metrics/compress.json: missing; it is made by `dvc repro compress`"):
        main(params("multilabel"))


def test_a_model_of_other_labels_is_refused(fresh: Path) -> None:
    shutil.rmtree(fresh / "models/compressed/int8")
    tiny_nets.write(fresh / "models/compressed/int8", "int8", ["a", "b", "other"])
    with pytest.raises(UserError, match="are not the manifest's"):
        main(params("multilabel"))


def test_an_empty_test_split_is_said_in_words(fresh: Path) -> None:
    whole = manifest.read(fresh / "data/manifest.parquet")
    manifest.write(fresh / "data/manifest.parquet", manifest.Manifest(whole.head, whole.rows("train").table))
    with pytest.raises(UserError, match="no image in the test split"):
        main(params("multilabel"))


def test_a_test_image_that_was_not_preprocessed_is_named(fresh: Path) -> None:
    whole = manifest.read(fresh / "data/manifest.parquet")
    table = whole.table.copy()
    table.loc[table["split"] == "test", "image_id"] = table["image_id"].str.replace("^.", "f", regex=True)
    manifest.write(fresh / "data/manifest.parquet", manifest.Manifest(whole.head, table))
    with pytest.raises(UserError, match=r"test images are not in it \(the first: f"):
        main(params("multilabel"))
