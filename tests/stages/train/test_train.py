"""Training: the same bytes whatever interrupts it, best weights kept, early stop, clear errors."""
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr.core import determinism
from cxr.data import shards
from cxr.nets import tf_session
from cxr.nets.factory import build, spec
from cxr.params import Params
from cxr.params.schema import Augment, Loss, Machine, Schedule
from cxr.training import data_order, losses
from cxr.training.augmentation import augmented
from cxr.training.checkpoint import Checkpoints, key
from cxr.training.input_pipeline import Feed
from cxr.training.loop import Diverged, Training, TrainingPlan
from cxr.training.schedules import learning_rate
from stages.train import curves, run


@pytest.fixture(scope="module")
def feed(tmp_path_factory):
    """96 images of 16x16 in which a bright square means label 0, a bright edge label 1."""
    folder = tmp_path_factory.mktemp("data") / "processed"
    random = np.random.default_rng(0)
    ids = sorted(f"{i:08x}{i:024x}" for i in random.choice(2**31, 96, replace=False))
    targets = pd.DataFrame(random.integers(0, 2, (96, 2)).astype(np.float32), index=ids)
    for bucket, members in shards.plan(ids, 4).items():
        images = random.integers(0, 120, (len(members), 16, 16, 1), dtype=np.uint8)
        for image, name in zip(images, members, strict=True):
            image[4:8, 4:8] += np.uint8(100 * targets.loc[name, 0])
            image[:, 14:] += np.uint8(100 * targets.loc[name, 1])
        shards.write_bucket(folder, bucket, images)
    shards.finish(folder, ids, 4)
    return Feed(shards.Shards(folder), ids, targets.to_numpy())


def plan(**changed):
    values = {"epochs": 3, "batch_size": 16, "seed": 1, "optimizer": "adamw", "learning_rate": 0.01,
              "weight_decay": 1e-4, "patience": 5, "checkpoint_seconds": 1e9,
              "schedule": Schedule(name="cosine", warmup_epochs=0.5),
              "augment": Augment(shift=0.1, brightness=0.1)}
    return TrainingPlan(**{**values, **changed})


def training(feed, monkeypatch, cache, scores=None, **changed):
    """A training of a tiny net with dropout; `scores` replaces the validation score by given figures."""
    monkeypatch.setenv("CXR_CACHE", str(cache))
    tf_session.start(Machine(intra_op_threads=2), 3)
    net = build(spec("small", width=4, dropout=0.2, shape=(16, 16, 1), outputs=2))
    given = iter(scores or [])
    figures = (lambda model: {"score": next(given)}) if scores else (
        lambda model: {"score": -float(np.mean(np.abs(np.asarray(model(next(feed.in_order(96)))))))})
    made = plan(**changed)
    return Training(net, feed, made, losses.build(Loss(), "multilabel"), Checkpoints("train", "k"), figures)


@pytest.fixture(scope="module")
def whole(feed, tmp_path_factory):
    """A training that nothing interrupted."""
    with pytest.MonkeyPatch.context() as patch:
        job = training(feed, patch, tmp_path_factory.mktemp("whole"))
        job.run()
    return job


@pytest.mark.parametrize("stop_after", [1, 12])
def test_a_training_stopped_anywhere_goes_on_to_the_same_bytes(feed, whole, monkeypatch, tmp_path, stop_after):
    cut = training(feed, monkeypatch, tmp_path / "b")
    cut.before_step = lambda at: cut._stop.set() if at == stop_after else None
    with pytest.raises(KeyboardInterrupt):
        cut.run()
    resumed = training(feed, monkeypatch, tmp_path / "b")
    resumed.run()
    assert resumed.resumed_from == stop_after + 1
    assert resumed.trained_steps == 18 - (stop_after + 1)
    assert resumed.progress.history == whole.progress.history
    for a, b in zip(whole.net.get_weights(), resumed.net.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_finished_training_found_again_trains_no_step(feed, monkeypatch, tmp_path):
    first = training(feed, monkeypatch, tmp_path)
    first.run()
    again = training(feed, monkeypatch, tmp_path)
    again.run()
    assert again.trained_steps == 0
    np.testing.assert_array_equal(first.net.get_weights()[0], again.net.get_weights()[0])


def test_a_checkpoint_of_other_caps_or_libraries_is_never_taken_up(monkeypatch):
    """A training finished under `native` would be recorded as capped, or one of another TensorFlow as this one's."""
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    capped = key("same inputs", tf_session.surroundings())
    assert capped == key("same inputs", tf_session.surroundings())
    with monkeypatch.context() as other:
        other.delenv("ONEDNN_MAX_CPU_ISA")
        assert key("same inputs", tf_session.surroundings()) != capped
    with monkeypatch.context() as other:
        other.setattr(tf_session.np, "__version__", "0.0")
        assert key("same inputs", tf_session.surroundings()) != capped
    libraries = tf_session.surroundings()["libraries"]
    assert set(libraries) == {"tensorflow", "tf-keras", "numpy", "opencv", "tensorflow-model-optimization"}


def test_train_names_its_checkpoints_by_the_caps_in_force(monkeypatch):
    monkeypatch.setattr(run, "inputs", lambda manifest: ("shards", "splits"))
    params = Params.model_validate({"ingest": {"set": "s", "layout": "folder", "task": "multilabel", "labels": ["a"],
                                               "salt_fingerprint": "0" * 12}})
    keys = set()
    for isa in ("AVX2", "AVX2", "AVX512_CORE"):
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", isa)
        keys.add(run.checkpoint_key({}, None, params, None))
    assert len(keys) == 2


@pytest.mark.parametrize("machine", ["aarch64", "arm64"])
def test_other_families_of_processors_are_promised_nothing_of_x86(monkeypatch, machine):
    for name, value in determinism.caps(determinism.processor_flags()).items():
        monkeypatch.setenv(name, value)
    assert tf_session.same_bytes_on("small") == "any x86-64 processor with AVX2"
    assert tf_session.same_bytes_on("resnet50").startswith("the same make of processor")
    monkeypatch.setattr(tf_session.platform, "machine", lambda: machine)
    assert tf_session.same_bytes_on("small").startswith("the same make of processor")
    monkeypatch.undo()
    monkeypatch.setenv("OPENCV_IPP", "avx512")
    assert tf_session.same_bytes_on("small").startswith("the same make of processor")


def test_learning_curves_are_never_seen_half_written(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    history = [{"loss": 0.5, "val_loss": 0.6, "score": 0.1}, {"loss": 0.4, "val_loss": 0.5, "score": 0.2}]
    curves.record(history[:1])
    before = {p: p.read_bytes() for p in curves.CURVES.rglob("*") if p.is_file()}
    with monkeypatch.context() as broken, pytest.raises(OSError, match="disk full"):
        broken.setattr(curves.Live, "next_step", lambda live: (_ for _ in ()).throw(OSError("disk full")))
        curves.record(history)
    assert {p: p.read_bytes() for p in curves.CURVES.rglob("*") if p.is_file()} == before
    curves.record(history)
    rows = (curves.CURVES / "plots/metrics/loss.tsv").read_text().splitlines()
    assert len(rows) == 3 and not list(Path("plots").glob(".*"))


def test_a_broken_checkpoint_is_named_and_the_one_before_is_used(feed, monkeypatch, tmp_path, caplog):
    first = training(feed, monkeypatch, tmp_path)
    first.run()
    newest = sorted(first.checkpoints.folder.glob("*.ckpt"))[-1]
    newest.write_bytes(newest.read_bytes()[:-10])
    again = training(feed, monkeypatch, tmp_path)
    assert again.resumed_from == 12
    assert "broken checkpoint" in caplog.text
    again.run()
    np.testing.assert_array_equal(first.net.get_weights()[0], again.net.get_weights()[0])


def test_the_best_epochs_weights_are_kept_and_patience_ends_it(feed, monkeypatch, tmp_path):
    job = training(feed, monkeypatch, tmp_path, scores=[0.5, 0.9, 0.8, 0.7, 0.6], epochs=5, patience=2)
    kept = []
    job.on_epoch = lambda history: kept.append(job.net.get_weights()[0].copy())
    job.run()
    assert job.progress.epoch == 4  # epochs 3 and 4 were no better than the second
    assert job.progress.best_epoch == 1
    np.testing.assert_array_equal(job.net.get_weights()[0], kept[1])


def test_a_loss_that_is_not_finite_stops_with_a_word_on_where(feed, monkeypatch, tmp_path):
    job = training(feed, monkeypatch, tmp_path)
    job.net.layers[-1].kernel.assign(np.full(job.net.layers[-1].kernel.shape, np.nan))
    with pytest.raises(Diverged, match=r"epoch 1, step 1 of 6.*learning_rate"):
        job.run()


@pytest.mark.parametrize("threads", ["1", "3"])
def test_any_number_of_feeding_threads_gives_the_same_batches(feed, monkeypatch, threads):
    monkeypatch.setenv("CXR_WORKERS", "2")
    augment = Augment(shift=0.1, rotate=10, contrast=0.2, flip=True)
    expected = [images for images, _ in feed.epoch(augment, 16, 5, 2)]
    monkeypatch.setenv("CXR_WORKERS", threads)
    for images, other in zip(expected, (i for i, _ in feed.epoch(augment, 16, 5, 2)), strict=True):
        np.testing.assert_array_equal(images, other)


def test_the_order_is_a_function_of_seed_and_epoch():
    assert data_order.minibatches(40, 8, 1, 0)[0].tolist() == data_order.minibatches(40, 8, 1, 0)[0].tolist()
    assert data_order.epoch_order(40, 1, 0).tolist() != data_order.epoch_order(40, 1, 1).tolist()
    assert data_order.epoch_order(40, 1, 0).tolist() != data_order.epoch_order(40, 2, 0).tolist()
    assert sorted(np.concatenate(data_order.minibatches(40, 8, 1, 0))) == list(range(40))


def test_no_augmentation_leaves_an_image_as_it_is():
    image = np.random.default_rng(1).integers(0, 256, (20, 20, 1), dtype=np.uint8)
    np.testing.assert_array_equal(augmented(image, Augment(), np.random.default_rng(2)), image)


def test_focal_loss_is_the_papers():
    targets, logits = np.array([[1.0, 0.0]], np.float32), np.array([[0.3, -0.7]], np.float32)
    p = 1 / (1 + np.exp(-logits[0]))
    by_hand = [-0.25 * (1 - p[0]) ** 2 * np.log(p[0]), -0.75 * p[1] ** 2 * np.log(1 - p[1])]
    assert float(losses.build(Loss(), "multilabel")(targets, logits)) == pytest.approx(np.mean(by_hand), rel=1e-5)


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_focal_loss_over_classes_weighs_by_what_the_true_class_misses_and_has_no_alpha():
    logits = np.array([[2.0, 0.0, -1.0], [0.1, 0.4, -0.3]], np.float32)
    targets = np.array([[0, 1, 0], [0, 0, 1]], np.float32)
    p = softmax(logits)[[0, 1], [1, 2]]
    by_hand = np.mean((1 - p) ** 2 * -np.log(p))
    for alpha in (0.25, 0.9):  # balances positives against negatives of a label: here there are none
        loss = losses.build(Loss(alpha=alpha), "multiclass")
        assert float(loss(targets, logits)) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("name", ["focal", "crossentropy"])
def test_class_weights_count_a_labels_positives_so_often(name):
    targets, logits = np.array([[1, 0], [1, 1]], np.float32), np.array([[0.3, -0.7], [-1.2, 0.5]], np.float32)
    p = 1 / (1 + np.exp(-logits))
    balance, missed = (targets * 0.25 + (1 - targets) * 0.75, 2) if name == "focal" else (1.0, 0)
    by_hand = -balance * (targets * np.array([4.0, 0.5]) * (1 - p) ** missed * np.log(p)
                          + (1 - targets) * p ** missed * np.log(1 - p))
    loss = losses.build(Loss(name=name), "multilabel", np.array([4.0, 0.5], np.float32))
    assert float(loss(targets, logits)) == pytest.approx(by_hand.mean(), rel=1e-5)


@pytest.mark.parametrize(("name", "gamma"), [("focal", 2), ("crossentropy", 0)])
def test_class_weights_over_classes_are_those_of_the_true_class(name, gamma):
    logits = np.array([[2.0, 0.0, -1.0], [0.1, 0.4, -0.3]], np.float32)
    targets, weights = np.array([[0, 1, 0], [0, 0, 1]], np.float32), np.array([9.0, 3.0, 0.2], np.float32)
    p = softmax(logits)[[0, 1], [1, 2]]
    by_hand = np.mean(np.array([3.0, 0.2]) * (1 - p) ** gamma * -np.log(p))
    loss = losses.build(Loss(name=name), "multiclass", weights)
    assert float(loss(targets, logits)) == pytest.approx(by_hand, rel=1e-5)


def test_cross_entropy_over_classes_is_minus_log_of_the_true_classs_probability():
    logits = np.array([[2.0, 0.0, -1.0]], np.float32)
    loss = losses.build(Loss(name="crossentropy"), "multiclass")(np.array([[0, 1, 0]], np.float32), logits)
    assert float(loss) == pytest.approx(-np.log(np.exp(0) / np.exp(logits).sum()), rel=1e-5)


def test_class_weights_balance_negatives_against_positives():
    targets = np.zeros((10, 2), np.float32)
    targets[:2, 0] = 1
    assert losses.class_weights(targets, "multilabel").tolist() == [4.0, 1.0]


def test_the_rate_warms_up_and_falls_to_zero_and_plateaus_cut_it():
    cosine, plateau = Schedule(name="cosine", warmup_epochs=1), Schedule(name="plateau")
    assert learning_rate(1.0, cosine, 0, 10, 5, []) == pytest.approx(0.1)
    assert learning_rate(1.0, cosine, 10, 10, 5, []) == pytest.approx(1.0)
    assert learning_rate(1.0, cosine, 50, 10, 5, []) == pytest.approx(0.0)
    assert learning_rate(1.0, plateau, 99, 10, 5, [0.5, 0.4, 0.4]) == pytest.approx(0.3)
