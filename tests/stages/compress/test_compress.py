"""Compression: variants that answer as said, the same bytes whatever interrupts it, a choice in words."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cxr.core.errors import HashMismatch
from cxr.core.files import CHECKSUMS, sha256_file
from cxr.data import manifest, shards
from cxr.model import model_folder
from cxr.model.litert import Net
from cxr.nets import factory, tf_session
from cxr.params import load
from cxr.selection import auroc, calibration
from cxr.training.loop import Training
from stages.compress import run
from tests.fixtures.made_up_project import LABELS

VARIANTS = ("pruned", "float16", "int8", "int8_uint8_output", "pruned_int8")


@pytest.fixture(scope="module")
def project(made_up, tmp_path_factory):
    """A copy of the made-up project, for these tests to write in."""
    return shutil.copytree(made_up, tmp_path_factory.mktemp("compress") / "project")


def hashes(project):
    """Path to SHA-256 of all that compress writes."""
    return hashes_of(project / "models/compressed", project) | hashes_of(project / "metrics", project)


def hashes_of(folder, project):
    """Path, from the project's top, to SHA-256 of the files of a folder."""
    return {p.relative_to(project).as_posix(): sha256_file(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def compress(project, cache):
    """Run the stage in this process; its counts and the hashes of its outputs."""
    before = Path.cwd()
    os.chdir(project)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CXR_CACHE", str(cache))
            counts = run.main(load())
    finally:
        os.chdir(before)
    return counts, hashes(project)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Where the run of `done` keeps its checkpoints; not to be written in."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def done(project, cache):
    """The project after one run that nothing interrupted: counts, hashes, metrics."""
    counts, outputs = compress(project, cache)
    return counts, outputs, json.loads((project / "metrics/compress.json").read_text())


@pytest.fixture(scope="module")
def validation(project):
    """Validation rows without the gate, and their images."""
    rows = manifest.read(project / "data/manifest.parquet").rows("validation", gate=False)
    return rows, shards.Shards(project / "data/processed").images(list(rows.table["image_id"]))


def test_every_variant_is_a_model_folder_with_checksums(project, done):
    assert sorted(p.name for p in (project / "models/compressed").iterdir()) == sorted(VARIANTS)
    for name in VARIANTS:
        folder = project / "models/compressed" / name
        assert (folder / CHECKSUMS).exists() and model_folder.read_card(folder).name == name
        net = factory.load(folder)
        assert net.output_shape == (None, len(LABELS))


def test_a_changed_byte_of_a_variant_is_refused_by_name(project, done, tmp_path):
    folder = shutil.copytree(project / "models/compressed/int8", tmp_path / "int8")
    content = bytearray((folder / "model.tflite").read_bytes())
    content[-1] ^= 1
    (folder / "model.tflite").write_bytes(content)
    with pytest.raises(HashMismatch, match=r"int8/model\.tflite"):
        Net(folder)


def test_parents_are_named_by_content(project, done):
    parent = {name: model_folder.read_card(project / "models/compressed" / name).parent for name in VARIANTS}
    base, pruned = (model_folder.identity(project / p) for p in ("models/base", "models/compressed/pruned"))
    assert parent == {name: pruned if name == "pruned_int8" else base for name in VARIANTS}


def test_cards_calibrate_and_measure_the_variant_s_own_answers(project, done, validation):
    rows, images = validation
    for name in VARIANTS:
        net = Net(project / "models/compressed" / name)
        logits = net.logits(images)
        assert net.card.calibration == calibration.fit(logits, rows.targets(), "multilabel")
        found = auroc.auroc(rows.targets(), logits, list(LABELS))
        assert net.card.validation.auroc == found
        assert done[2][name]["auroc"]["macro"] == found["macro"]


def test_pruned_kernels_have_the_sparsity_asked_for_and_the_answers_hold(project, done):
    figures = done[2]["pruned"]
    assert figures["sparsity"] == pytest.approx(0.5, abs=0.02)
    assert all(0.4 < value < 0.6 for value in figures["sparsity_by_layer"].values())
    assert figures["bytes_gzip"] < 0.75 * done[2]["base"]["bytes_gzip"]
    assert figures["auroc"]["macro"] > 0.9 and done[2]["base"]["auroc"]["macro"] > 0.9


def test_pruning_leaves_base_as_it_was(project, done):
    assert done[2]["base"]["sparsity"] == 0.0
    same = [model_folder.read_weights(project / place) for place in ("models/base", "models/compressed/int8")]
    assert all(np.array_equal(a, b) for a, b in zip(*same, strict=True))


def test_multiply_adds_are_those_of_the_layers_and_the_same_for_every_variant(done):
    stem, stage1 = 16 * 16 * 9 * 1 * 4, 2 * 16 * 16 * 9 * 4 * 4
    stages = sum(s * s * (9 * c * 2 * c + 9 * 4 * c * c + 2 * c * c) for s, c in ((8, 4), (4, 8), (2, 16)))
    assert {entry["multiply_adds"] for name, entry in done[2].items() if name != "chosen"} == {
        stem + stage1 + stages + 32 * len(LABELS)
    }


def test_int8_takes_grey_levels_as_they_are_and_answers_in_unrounded_floats(project, done, validation):
    net = Net(project / "models/compressed/int8")
    assert net._input["dtype"] is np.uint8 and net._input["quantization"] == (1.0, 0)
    assert net._output["dtype"] is np.float32
    steps = np.diff(np.unique(net.logits(validation[1])))
    assert not np.allclose(steps / steps.min(), np.round(steps / steps.min()), atol=1e-3)


def test_uint8_output_gives_probabilities_in_256_steps_and_is_reported_only(project, done):
    net = Net(project / "models/compressed/int8_uint8_output")
    assert net._output["dtype"] is np.uint8 and net._output["quantization"][0] == 1 / 256
    assert net.card.output == "probabilities"
    assert done[2]["int8_uint8_output"]["refused"] != "n/a" and "macro" in done[2]["int8_uint8_output"]["auroc_drop"]


def test_every_variants_folder_holds_the_reference_that_its_own_net_answered(project, done, validation):
    for name in VARIANTS:
        folder = project / "models/compressed" / name
        reference, answers = model_folder.read_reference(folder), Net(folder).answers(validation[1])
        assert len(reference) == len(validation[1])
        np.testing.assert_array_equal(reference.logits, answers.logits)
        np.testing.assert_array_equal(reference.features, answers.features)
        np.testing.assert_array_equal(reference.targets, validation[0].targets())


def test_pruning_stays_in_the_int8_file(project, done):
    from ai_edge_litert.interpreter import Interpreter

    net = Interpreter(model_content=model_folder.read_tflite(project / "models/compressed/pruned_int8"))
    kernels = [
        net.get_tensor(d["index"])
        for d in net.get_tensor_details()
        if d["dtype"] is np.int8 and len(d["shape"]) == 4 and d["quantization_parameters"]["scales"].size > 1
    ]
    assert kernels and np.mean(np.concatenate([k.ravel() for k in kernels]) == 0) > 0.45


class Killed(Exception):
    """Stands for SIGKILL: nothing is written on the way out."""


def prune_again(project, cache, monkeypatch):
    """The fine-tuning alone, with a cache of its own."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("CXR_CACHE", str(cache))
    params = load()
    tf_session.start(params.machine, params.train.seed)
    return run.prune(manifest.read(), shards.Shards(), params)


def test_fine_tuning_killed_in_its_second_epoch_goes_on_to_the_same_weights(project, done, tmp_path, monkeypatch):
    step, calls = Training._step, []

    def killed_at_ninth(self, images, targets):
        calls.append(1)
        if len(calls) == 9:
            raise Killed
        step(self, images, targets)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Training, "_step", killed_at_ninth)
        prune_again(project, tmp_path, patch)
    pruned = prune_again(project, tmp_path, monkeypatch)
    assert 0 < pruned.resumed_from_step < 9 and pruned.steps_trained == done[0]["steps"] - pruned.resumed_from_step
    expected = model_folder.read_weights(project / "models/compressed/pruned")
    assert all(np.array_equal(a, b) for a, b in zip(pruned.weights, expected, strict=True))


def test_a_finished_fine_tuning_is_not_taken_up_under_other_caps(project, cache, done, tmp_path, monkeypatch):
    mine = shutil.copytree(cache, tmp_path / "cache")
    assert prune_again(project, mine, monkeypatch).steps_trained == 0
    other = "AVX2" if os.environ.get("ONEDNN_MAX_CPU_ISA") != "AVX2" else "AVX512_CORE"
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", other)
    assert prune_again(project, mine, monkeypatch).steps_trained == done[0]["steps"] > 0


def test_the_variants_appear_only_together(project, cache, done, tmp_path, monkeypatch):
    """A disk that fills at the third variant leaves the earlier run's folders, or none, but never two of five."""
    made, writes, whole = tmp_path / "made", [], model_folder.write
    shutil.copytree(project, made)
    shutil.copytree(cache, tmp_path / "cache")  # fine-tuned already: what is shown here comes behind it

    def full_at_third(folder, **content):
        writes.append(folder)
        if len(writes) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(folder, **content)

    for before in (done[1], {}):
        writes.clear()
        with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
            patch.setattr(model_folder, "write", full_at_third)
            compress(made, tmp_path / "cache")
        assert len(writes) == 3 and hashes_of(made / "models/compressed", made) == {
            path: digest for path, digest in before.items() if path.startswith("models/")
        }
        assert not [path for path in (made / "models").iterdir() if path.name.startswith(".")]
        shutil.rmtree(made / "models/compressed", ignore_errors=True)


@pytest.mark.slow
def test_another_process_with_other_workers_writes_the_same_bytes_then_trains_nothing_again(
    project, done, tmp_path, root
):
    elsewhere = tmp_path / "elsewhere"
    for part in ("data", "models/base"):
        shutil.copytree(project / part, elsewhere / part)
    shutil.copy(project / "params.yaml", elsewhere)
    env = {**os.environ, "PYTHONPATH": str(root), "CXR_WORKERS": "3", "CXR_CACHE": str(tmp_path / "cache")}
    counts = []
    for _ in range(2):
        subprocess.run([sys.executable, "-m", "stages.compress"], cwd=elsewhere, env=env, check=True)
        counts.append(json.loads((elsewhere / ".runs/compress.json").read_text()))
        assert hashes(elsewhere) == done[1]
    assert counts == [done[0], {"steps": 0, "resumed_from_step": done[0]["steps"]}]
