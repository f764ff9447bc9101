"""Scoring files with a model folder: preprocessed as in training, one bad file does not stop the rest."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cxr.core.files import write_checksums, write_json
from cxr.data.preprocessing_spec import Chain
from cxr.imaging.decode import decode
from cxr.imaging.preprocess import apply
from cxr.model import model_folder
from cxr.model.litert import InferenceError, Net
from serving.predict import command
from serving.predict.run import files, predict
from tests.fixtures import tiny_nets

CHAIN = Chain(16, 2.0, 2, 1)
CARD = tiny_nets.card(["Mass", "Hernia"], preprocessing=CHAIN, operating_points={"Mass": tiny_nets.point(0.5)})


class FakeNet:
    """Stands in for `cxr.model.litert.Net`: the first label's probability is the image's mean grey level."""

    def __init__(self, folder: Path = Path(), threads: int = 1) -> None:
        if folder.name == "broken":
            raise InferenceError(f"{folder}: cannot be run")
        self.card = CARD
        self.seen: list[np.ndarray] = []

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Float64 (n, 2)."""
        self.seen.append(images)
        means = images.mean(axis=(1, 2, 3)) / 255
        return np.stack([means, 1 - means], axis=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dark and a bright image, a text that calls itself an image, an empty file, and a note."""
    top = tmp_path / "images"
    (top / "deeper").mkdir(parents=True)
    for name, grey in (("dark.png", 30), ("deeper/bright.PNG", 220)):
        pixels = np.full((40, 50), grey, np.uint8)
        pixels[::2] += 10
        (top / name).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    (top / "empty.png").write_bytes(b"")
    (top / "text.png").write_text("not an image")
    (top / "notes.txt").write_text("not looked at")
    return top


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command with the fake net; exit status, stdout, stderr."""
    monkeypatch.setattr(command, "Net", FakeNet)

    def call(*words: object) -> tuple[int, str, str]:
        status = command.main([str(word) for word in words])
        return status, *capsys.readouterr()

    return call


def test_folders_are_searched_and_files_taken_as_named(folder: Path) -> None:
    (folder / "link.png").symlink_to(folder / "dark.png")
    found = files([folder, folder / "notes.txt", folder / "dark.png"])
    assert [p.relative_to(folder).as_posix() for p in found] == [
        "dark.png",
        "deeper/bright.PNG",
        "empty.png",
        "text.png",
        "notes.txt",
    ]


def test_what_systems_and_file_servers_leave_in_a_folder_is_passed_over(folder: Path, run: Any) -> None:
    for litter in ("@eaDir/dark.png/SYNOFILE_THUMB_M.png", "__MACOSX/._dark.png", "._dark.png", ".@__thumb/dark.png"):
        (folder / litter).parent.mkdir(parents=True, exist_ok=True)
        (folder / litter).write_bytes(b"no image")
    for bad in ("empty.png", "text.png"):
        (folder / bad).unlink()
    assert [path.name for path in files([folder])] == ["dark.png", "bright.PNG"]
    assert run("model", folder)[2] == ""
    assert [path.name for path in files([folder / "._dark.png"])] == ["._dark.png"]  # named by itself: tried


def test_the_net_sees_exactly_what_training_saw(folder: Path) -> None:
    net = FakeNet()
    list(predict(net, [folder / "dark.png"]))
    expected = apply(CHAIN, decode((folder / "dark.png").read_bytes(), 10**6))
    assert np.array_equal(net.seen[0][0], expected)


def test_each_good_file_gets_its_own_findings_and_each_bad_one_its_reason(folder: Path) -> None:
    results = {Path(r["file"]).name: r for r in predict(FakeNet(), files([folder]))}
    assert "empty_file" in results["empty.png"]["error"] and "error" in results["text.png"]
    dark, bright = results["dark.png"]["findings"], results["bright.PNG"]["findings"]
    assert dark[0]["probability"] < bright[0]["probability"]
    assert dark[1] == {"label": "Hernia", "probability": dark[1]["probability"], "threshold": None, "crossed": None}
    assert {f["crossed"] for f in (dark[0], bright[0])} <= {True, False}


def test_what_no_model_has_an_answer_for_gets_none_and_is_named(folder: Path) -> None:
    kinds = {
        "black.png": (np.zeros((64, 64), np.uint8), "blank"),
        "white.png": (np.full((64, 64), 255, np.uint8), "blank"),
        "tiny.png": (np.zeros((1, 1), np.uint8), "too_small"),
        "strip.png": (np.random.default_rng(1).integers(0, 256, (9, 5000)).astype(np.uint8), "extreme_aspect"),
    }
    for name, (pixels, _) in kinds.items():
        (folder / name).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    results = list(predict(FakeNet(), [folder / name for name in kinds]))
    assert [result["error"].partition(":")[0] for result in results] == [reason for _, reason in kinds.values()]
    assert not any("findings" in result for result in results)


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    (result,) = predict(FakeNet(), [folder / "pipe.png"])
    assert "a folder, pipe or device" in result["error"]


def test_a_bad_file_leaves_status_0_and_only_bad_files_1(folder: Path, run: Any) -> None:
    status, shown, said = run("model", folder)
    assert status == 0 and "Mass" in shown and "empty.png" in said
    status, shown, said = run("model", folder / "empty.png", folder / "missing.png")
    assert status == 1 and "missing.png: No such file" in said
    assert run("model", folder / "deeper" / "nothing-here.d")[0] == 1


def test_json_says_the_same_as_the_table(folder: Path, run: Any) -> None:
    status, shown, _ = run("model", folder, "--json")
    results = json.loads(shown)
    assert status == 0 and [("findings" in r, "error" in r) for r in results].count((True, False)) == 2
    table = run("model", folder)[1].splitlines()
    assert table[0].split() == ["file", "label", "probability", "threshold", "crossed"] and len(table) == 1 + 2 * 2


def test_a_model_that_cannot_be_used_is_said_in_a_line(folder: Path, run: Any) -> None:
    status, _, said = run("broken", folder)
    assert status == 1 and "cannot be run" in said and len(said.splitlines()) == 1


def test_predicting_does_not_load_tensorflow(root: Path) -> None:
    code = "import sys, serving.predict.command; print('tensorflow' in sys.modules or 'tf_keras' in sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip() == "False"


def test_a_real_model_folder_scores_a_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model"
    model_folder.write(
        model,
        spec={},
        weights=[],
        card=tiny_nets.card(["Mass", "Hernia"], preprocessing=CHAIN),
        tflite=tiny_nets.flatbuffer("int8", 2),
    )
    assert command.main([str(model), str(folder / "dark.png"), "--json"]) == 0
    [result] = json.loads(capsys.readouterr().out)
    seen = apply(CHAIN, decode((folder / "dark.png").read_bytes(), 10**6))[np.newaxis]
    expected = Net(model).probabilities(seen)[0]
    assert [f["probability"] for f in result["findings"]] == pytest.approx(expected.tolist(), abs=1e-6)


def test_a_model_of_newer_code_is_refused_in_a_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    model_folder.write(model, spec={}, weights=[], card=tiny_nets.card(["Mass"]), tflite=b"")
    write_json(model / "card.json", {"schema": 2})
    write_checksums(model)
    assert command.main([str(model), str(folder / "dark.png")]) == 1
    said = capsys.readouterr().err
    assert "card.json: is of format 2" in said and "update the code" in said and len(said.splitlines()) == 1


def test_a_folder_that_is_no_model_is_refused_by_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([str(folder), str(folder)]) == 1
    assert "SHA256SUMS" in capsys.readouterr().err
