"""The training loop: the same bytes whatever interrupts it, best weights kept, early stop, clear errors."""

import numpy as np
import pandas as pd
import pytest

from cxr.data import shards
from cxr.nets import tf_session
from cxr.nets.factory import build, spec
from cxr.params.learning import Augment, Loss, Schedule
from cxr.params.schema import Machine
from cxr.training import losses
from cxr.training.checkpoint import Checkpoints
from cxr.training.input_pipeline import Feed
from cxr.training.loop import Diverged, NothingLearned, Training, TrainingPlan


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
    values = {
        "epochs": 3,
        "batch_size": 16,
        "seed": 1,
        "optimizer": "adamw",
        "learning_rate": 0.01,
        "weight_decay": 1e-4,
        "patience": 5,
        "checkpoint_seconds": 1e9,
        "schedule": Schedule(name="cosine", warmup_epochs=0.5),
        "augment": Augment(shift=0.1, brightness=0.1),
    }
    return TrainingPlan(**{**values, **changed})


def training(feed, monkeypatch, cache, scores=None, **changed):
    """A training of a tiny net with dropout; `scores` replaces the validation score by given figures."""
    monkeypatch.setenv("CXR_CACHE", str(cache))
    tf_session.start(Machine(intra_op_threads=2), 3)
    net = build(spec("small", width=4, dropout=0.2, shape=(16, 16, 1), outputs=2))
    given = iter(scores or [])
    figures = (
        (lambda model: {"score": next(given)})
        if scores
        else (lambda model: {"score": -float(np.mean(np.abs(np.asarray(model(next(feed.in_order(96)))))))})
    )
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
def test_a_training_stopped_anywhere_resumes_to_the_same_bytes(feed, whole, monkeypatch, tmp_path, stop_after):
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


def test_a_loss_that_is_not_finite_stops_with_a_message_on_where(feed, monkeypatch, tmp_path):
    job = training(feed, monkeypatch, tmp_path)
    job.net.layers[-1].kernel.assign(np.full(job.net.layers[-1].kernel.shape, np.nan))
    with pytest.raises(Diverged, match=r"epoch 1, step 1 of 6.*learning_rate"):
        job.run()


@pytest.mark.parametrize("threads", ["1", "3"])
def test_any_number_of_feeding_threads_gives_the_same_minibatches(feed, monkeypatch, threads):
    monkeypatch.setenv("CXR_WORKERS", "2")
    augment = Augment(shift=0.1, rotate=10, contrast=0.2, flip=True)
    expected = [images for images, _ in feed.epoch(augment, 16, 5, 2)]
    monkeypatch.setenv("CXR_WORKERS", threads)
    for images, other in zip(expected, (i for i, _ in feed.epoch(augment, 16, 5, 2)), strict=True):
        np.testing.assert_array_equal(images, other)


def test_an_epochs_figures_stay_on_the_console_in_a_line(feed, monkeypatch, tmp_path, caplog):
    caplog.set_level("INFO", "cxr.training.loop")
    training(feed, monkeypatch, tmp_path, epochs=2).run()
    for epoch in ("epoch 1/2", "epoch 2/2"):
        assert any(line.startswith(f"{epoch}: loss 0.") and "%|" not in line for line in caplog.messages)


def test_weights_that_no_score_speaks_for_are_not_handed_out_as_trained(feed, monkeypatch, tmp_path):
    with pytest.raises(NothingLearned, match="none of 3 epochs has a validation score that is a number"):
        training(feed, monkeypatch, tmp_path, scores=[float("nan")] * 3).run()


def test_without_a_step_nothing_is_handed_out_as_trained(feed, monkeypatch, tmp_path):
    nobody = Feed(feed.shards, [], feed.targets[:0])
    with pytest.raises(NothingLearned, match="no step can be taken"):
        training(nobody, monkeypatch, tmp_path, scores=[1.0] * 3).run()
