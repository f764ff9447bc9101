"""The explain stage on a tiny net whose answer is known: a bright square at the left, or at the right."""

import contextlib
import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from cxr.core.files import sha256_file, write_json
from cxr.data import manifest, shards
from cxr.model import model_folder
from cxr.params import Params
from tests.fixtures import tiny_nets

LABELS = ("left", "right")
SIDE = 32


def image_id(number):
    return f"{number * 2654435761 % 2**32:08x}" + f"{number:024d}"


def draw(number):
    """Noise with a bright square: left half for even numbers, right half for odd; and its box."""
    random = np.random.default_rng(number)
    x, y = int(random.integers(2, 6)) + 16 * (number % 2), int(random.integers(4, 20))
    image = random.integers(60, 100, (SIDE, SIDE, 1)).astype(np.uint8)
    image[y : y + 8, x : x + 8] += 120
    return image, {"label": LABELS[number % 2], "x": 2 * x, "y": y, "w": 16, "h": 8}


def rows(count, with_boxes):
    table = []
    for number in range(count):
        box = draw(number)[1]
        labels = {f"label_{label}": int(box["label"] == label) for label in LABELS}
        table.append(
            {
                "image_id": image_id(number),
                "patient": f"p{number // 2}",
                "patient_from": "column",
                "study": "s",
                "view": "PA",
                "sex": "",
                "age": 1.0,
                "batch": "b",
                "source": "f",
                "sha256": "0" * 64,
                "stored_bits": 8,
                "bit_depth": 8,
                "orientation": 1,
                "width": 2 * SIDE,
                "height": SIDE,
                **dict.fromkeys(manifest.STATISTICS, 0.0),
                "boxes": json.dumps([box] if with_boxes else []),
                "split": "train" if number < count // 2 else "test",
                "gate": False,
                **labels,
            }
        )
    return pd.DataFrame(table)


@pytest.fixture(scope="module")
def trained():
    """A tiny net trained for a few seconds."""
    import tf_keras as keras

    from cxr.nets import tf_session
    from cxr.nets.factory import build, spec

    with contextlib.suppress(RuntimeError):  # another test has started TensorFlow
        tf_session.start(params().machine, 1)
    keras.utils.set_random_seed(1)
    plan = spec("small", width=4, dropout=0.0, shape=(SIDE, SIDE, 1), outputs=2)
    net = build(plan)
    images = np.stack([draw(number)[0] for number in range(200, 328)]).astype(np.float32)
    targets = np.eye(2, dtype=np.float32)[np.arange(200, 328) % 2]
    net.compile(keras.optimizers.Adam(5e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    net.fit(images, targets, batch_size=16, epochs=8, verbose=0)
    return plan, net


def project(folder, trained, with_boxes=True, count=24):
    """What the stage reads, below `folder`."""
    plan, net = trained
    table = rows(count, with_boxes)
    head = manifest.Head("toy", "multilabel", LABELS)
    manifest.write(folder / "data/manifest.parquet", manifest.Manifest(head, table))
    drawn = {image_id(number): draw(number)[0] for number in range(count)}
    for bucket, ids in shards.plan(list(drawn), 4).items():
        (folder / "data/processed").mkdir(parents=True, exist_ok=True)
        shards.write_bucket(folder / "data/processed", bucket, np.stack([drawn[i] for i in ids]))
    shards.finish(folder / "data/processed", list(drawn), 4)
    card = tiny_nets.card(list(LABELS), operating_points=dict.fromkeys(LABELS, tiny_nets.point(0.4)))
    model_folder.write(folder / "models/compressed/int8", spec=plan, weights=net.get_weights(), card=card, tflite=None)
    write_json(folder / "metrics/compress.json", {"chosen": {"name": "int8"}})
    test = table[table["split"] == "test"]
    scores = {f"probability_{label}": np.linspace(0.3, 0.9, len(test)) for label in LABELS}
    targets = {f"target_{label}": test[f"label_{label}"].to_numpy() for label in LABELS}
    ids = test["image_id"].to_numpy()
    pd.DataFrame({"variant": "int8", "image_id": ids, **scores, **targets}).to_parquet(
        folder / "data/predictions.parquet"
    )


def params():
    return Params.model_validate(
        {
            "ingest": {
                "set": "toy",
                "layout": "nih",
                "task": "multilabel",
                "labels": list(LABELS),
                "salt_fingerprint": "0" * 12,
            },
            "machine": {"intra_op_threads": 2},
            "explain": {"images_per_label": 1, "boxed_images": 8, "background": 4},
        }
    )


def run_in(folder, monkeypatch):
    from cxr.nets import tf_session
    from stages.explain.run import main

    monkeypatch.setattr(tf_session, "start", lambda *settings: None)  # once a process; the fixture has done it
    monkeypatch.chdir(folder)
    counts = main(params())
    return counts, json.loads(Path("metrics/explain.json").read_text())


def test_attributions_sum_to_the_logits_difference_from_the_background(trained):
    from cxr.explanation.attribution import Explainer, completeness_error

    net = trained[1]
    background = np.stack([draw(number)[0] for number in range(5)])
    explainer = Explainer(net, background)
    found = [explainer.explain(draw(number)[0], label) for number in (10, 11) for label in (0, 1)]
    assert completeness_error(found) < 1e-4
    outputs = np.asarray(net(draw(10)[0][None].astype(np.float32), training=False))[0]
    assert [a.output for a in found[:2]] == pytest.approx(outputs.tolist(), rel=1e-4)
    assert found[0].values.shape == (SIDE, SIDE) and found[0].values.dtype == np.float32


def test_a_background_taken_in_parts_gives_the_same_attributions(trained, monkeypatch):
    from cxr.explanation import attribution

    background = np.stack([draw(number)[0] for number in range(5)])
    whole = attribution.Explainer(trained[1], background).explain(draw(10)[0], 0)
    monkeypatch.setattr(attribution, "_CHUNK_BYTES", 1)
    parts = attribution.Explainer(trained[1], background).explain(draw(10)[0], 0)
    assert np.allclose(whole.values, parts.values, atol=1e-4)


def test_the_stage_points_at_the_finding_and_writes_the_same_bytes_twice(tmp_path, trained, monkeypatch):
    project(tmp_path, trained)
    counts, metrics = run_in(tmp_path, monkeypatch)
    game = metrics["pointing_game"]
    assert game["images"] == 8 and game["score"] >= 0.75 > game["random"]
    assert set(game["by_label"]) == set(LABELS)
    assert metrics["model"] == {"variant": "int8", "identity": model_folder.identity(Path("models/compressed/int8"))}
    assert metrics["completeness_error"] < 1e-3
    assert metrics["sanity"]["randomised_correlation"] < 1
    listed = json.loads(Path("reports/overlays/overlays.json").read_text())
    assert {entry["file"] for entry in listed} == {p.name for p in Path("reports/overlays").glob("*.png")}
    assert {"left_tp_1.png", "right_fp_1.png"} <= {entry["file"] for entry in listed}
    assert counts["overlays"] == len(listed) == 4
    first = {path: sha256_file(path) for path in [*Path("reports").rglob("*.*"), Path("metrics/explain.json")]}
    run_in(tmp_path, monkeypatch)
    assert first == {path: sha256_file(path) for path in first}


def test_the_stage_draws_each_images_reference_boxes_into_its_overlay(tmp_path, trained, monkeypatch):
    numbers, green = {image_id(number): number for number in range(24)}, (90, 255, 120)  # blue, green, red
    project(tmp_path, trained)
    run_in(tmp_path, monkeypatch)
    listed = json.loads(Path("reports/overlays/overlays.json").read_text())
    for entry in (entry for entry in listed if entry["kind"] == "true_positive"):
        picture = cv2.imread(f"reports/overlays/{entry['file']}")[-256:]
        rows, columns = np.nonzero((picture == green).all(axis=2))
        reference = draw(numbers[entry["image_id"]])[1]
        left, top = 8 * reference["x"] / 2, 8 * reference["y"]  # the image is twice as wide as the net's input
        found = [columns.min(), columns.max(), rows.min(), rows.max()]
        assert np.abs(np.array(found) - [left, left + 64, top, top + 64]).max() <= 2, entry


def test_a_set_without_boxes_still_gets_its_overlays(tmp_path, trained, monkeypatch):
    project(tmp_path, trained, with_boxes=False)
    counts, metrics = run_in(tmp_path, monkeypatch)
    assert metrics["pointing_game"]["score"] == "n/a" and metrics["pointing_game"]["images"] == 0
    assert counts["overlays"] == 4


def test_a_model_of_other_labels_is_refused(tmp_path, trained, monkeypatch):
    from cxr.core.errors import UserError

    project(tmp_path, trained)
    plan, net = trained
    card = tiny_nets.card(["right", "left"])
    folder = tmp_path / "models/compressed/int8"
    model_folder.write(folder, spec=plan, weights=net.get_weights(), card=card, tflite=None)
    with pytest.raises(UserError, match="its labels are not the manifest's"):
        run_in(tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("net", ["resnet50", "mobilenetv2", "densenet121"])
def test_attributions_of_every_backbone_are_complete(net):
    from cxr.explanation.attribution import Explainer, completeness_error
    from cxr.nets.factory import build, spec

    random = np.random.default_rng(5)
    model = build(spec(net, width=16, dropout=0.0, shape=(64, 64, 1), outputs=3))
    images = random.integers(0, 256, (4, 64, 64, 1)).astype(np.uint8)
    for layer in model.layers:
        layer.momentum = 0.0  # batch norms take this batch's statistics: a fresh net's logits vanish otherwise
    model(images.astype(np.float32), training=True)
    explainer = Explainer(model, images[:3])
    assert completeness_error([explainer.explain(images[3], label) for label in (0, 2)]) < 1e-3
