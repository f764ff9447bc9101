"""The same pipeline serves other tasks and real sets by parameters alone."""

import json
import sys

import cv2
import numpy as np
import pytest
import yaml

from cxr.params.preset import text
from tests.fixtures.workspace import Workspace

pytestmark = pytest.mark.slow
COLOURS = {"blue": (200, 60, 40), "green": (40, 200, 60), "red": (40, 60, 200)}


def colour_folders(folder, count=60):
    """train/ and test/ with a folder for each colour: noisy RGB images of that colour, and one hostile file."""
    random = np.random.default_rng(0)
    for split, number in (("train", count), ("test", count // 3)):
        for name, colour in COLOURS.items():
            (folder / split / name).mkdir(parents=True)
            for i in range(number):
                image = np.clip(np.array(colour) + random.normal(0, 60, (40, 40, 3)), 0, 255).astype(np.uint8)
                cv2.imwrite(str(folder / split / name / f"{split}_{name}_{i}.png"), image)
    (folder / "train" / "red" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def metrics(workspace, name):
    return json.loads((workspace.folder / "metrics" / f"{name}.json").read_text())


def set_params(workspace, preset, **sections):
    """params.yaml from a preset of another set, with tiny's sizes and the changes given (dotted sections)."""
    tiny = yaml.safe_load(text(workspace.folder / "presets/tiny.yaml"))
    content = yaml.safe_load(text(workspace.folder / "presets" / f"{preset}.yaml"))
    for section in ("train", "compress", "evaluate", "explain"):
        content[section] = tiny[section]
    for place, value in sections.items():
        section, key = place.rsplit("__", 1)
        target = content
        for part in section.split("__"):
            target = target[part]
        target[key] = value
    (workspace.folder / "params.yaml").write_text(yaml.safe_dump(content))


def test_three_colours_as_class_folders_are_learned_in_three_channels(tmp_path):
    workspace = Workspace(tmp_path / "w", "cifar10")
    set_params(
        workspace,
        "cifar10",
        ingest__labels=sorted(COLOURS),
        ingest__max_quarantined_fraction=0.02,
        validate__min_patients_for_label_check=10_000,
    )
    source = colour_folders(tmp_path / "colours")
    workspace.run(sys.executable, "-m", "cxr.raw", "add", "--set", "cifar10", "--from", str(source))
    workspace.repro()
    counts = json.loads((workspace.folder / "data/ingest.json").read_text())
    assert counts["rows_in"] == 241
    assert counts["manifest"] == 240
    assert sum(counts["quarantined"].values()) == 1
    base = metrics(workspace, "evaluate")["base"]
    assert base["accuracy"] > 0.9
    assert base["auroc"]["macro"] > 0.95
    assert "int8" in metrics(workspace, "latency")
    assert metrics(workspace, "explain")["pointing_game"]["score"] == "n/a"
    image = source / "test" / "red" / "test_red_0.png"
    told = workspace.run(sys.executable, "-m", "serving.predict", "models/base", str(image), "--json").stdout
    assert "red" in told


def test_nihs_240_images_come_in_and_every_stage_ends(tmp_path, shared_data):
    workspace = Workspace(tmp_path / "w", "nih")
    set_params(
        workspace,
        "nih",
        preprocess__size=64,
        validate__prevalence=[0.0, 0.95],
        validate__min_patients_for_label_check=10_000,
        explain__boxed_images=10,
    )
    workspace.run(sys.executable, "-m", "cxr.raw", "add", "--set", "nih", "--from", str(shared_data / "nih"))
    workspace.repro()
    counts = json.loads((workspace.folder / "data/ingest.json").read_text())
    assert counts["manifest"] == 240
    assert counts["absent"] == 111_880
    assert counts["rows_in"] == 112_120
    assert counts["boxes"] == 38
    assert isinstance(metrics(workspace, "evaluate")["base"]["auroc"]["Pneumonia"], float)
    assert metrics(workspace, "evaluate")["base"]["auroc"]["Hernia"] == "n/a"
    assert (workspace.folder / "reports/index.html").exists()


def test_missing_imagenet_weights_say_what_to_put_where(tmp_path):
    workspace = Workspace(tmp_path / "w")
    workspace.environment["HOME"] = str(tmp_path)
    workspace.edit("net: small", "net: resnet50")
    workspace.edit("weights: null", "weights: imagenet")
    done = workspace.repro("train", check=False)
    assert done.returncode != 0
    assert "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
