"""Accuracy estimated without labels, with a trained net and the calibration in its card: right where the probabilities
hold, and wrong, as the docs say, where they do not hold any more.
"""

import numpy as np
import pytest
import tf_keras as keras

from cxr.model.card import ImageShape, NetCard
from cxr.model.probabilities import calibrated
from cxr.nets import factory, tf_session
from cxr.params.schema import Machine
from cxr.selection import auroc, calibration
from cxr.training.tflite import float_tflite, served_answers
from serving.monitor.accuracy import estimated_auroc

SIDE, LABELS = 16, ("left", "right")
CARD = NetCard(labels=list(LABELS), task="multilabel", input=ImageShape(height=SIDE, width=SIDE, channels=1))


def drawn(seed: int, count: int, prevalence: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a spot at the left or the right, now clear, now hardly to be seen; uint8 images, float32 targets."""
    random = np.random.default_rng(seed)
    targets = (random.random((count, 2)) < prevalence).astype(np.float32)
    images = random.normal(90, 25, (count, SIDE, SIDE, 1))
    for label, columns in enumerate((slice(2, 6), slice(10, 14))):
        clear = targets[:, label] * random.uniform(0, 45, count)
        images[:, 6:10, columns] += clear[:, None, None, None]
    return np.clip(images, 0, 255).astype(np.uint8), targets


@pytest.fixture(scope="module")
def served():
    """Logits of a net trained for some epochs, by the served path, and its calibration on validation."""
    tf_session.start(Machine(intra_op_threads=2), 1)
    images, targets = drawn(1, 800)
    net = factory.build(factory.spec("small", width=4, dropout=0.0, shape=(SIDE, SIDE, 1), outputs=2))
    net.compile(keras.optimizers.Adam(5e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    net.fit(images.astype(np.float32), targets, batch_size=32, epochs=8, verbose=0)
    tflite = float_tflite(net)

    def logits(pictures: np.ndarray) -> np.ndarray:
        return served_answers(CARD, tflite, pictures).logits

    pictures, truth = drawn(2, 800)
    return logits, calibration.fit(logits(pictures), truth, "multilabel")


def aurocs(served, images: np.ndarray, targets: np.ndarray, keep: slice | np.ndarray = slice(None)):
    """(estimated, true) macro AUROC."""
    logits, fitted = served[0](images)[keep], served[1]
    probabilities = calibrated(logits, fitted)
    estimated = [estimated_auroc(probabilities[:, i], probabilities[:, i]) for i in range(2)]
    true = [float(auroc.label_auroc(targets[keep][:, i] > 0.5, logits[:, i])[0]) for i in range(2)]
    return np.mean(estimated), np.mean(true)


def test_the_estimate_is_the_truth_where_the_probabilities_hold_and_tells_harder_studies_from_easier_ones(served):
    images, targets = drawn(3, 4000)
    estimated, true = aurocs(served, images, targets)
    assert 0.7 < true < 0.97 and estimated == pytest.approx(true, abs=0.02)
    probabilities = calibrated(served[0](images), served[1])
    unsure = np.abs(probabilities - 0.3).max(axis=1) < 0.25
    hard, hard_true = aurocs(served, images, targets, unsure)
    assert unsure.sum() > 400 and hard_true < true - 0.05 and hard == pytest.approx(hard_true, abs=0.1)
    assert hard < estimated - 0.05, "it tells a harder stream from an easier one, without a label"


def test_where_they_hold_no_more_the_estimate_is_off_so_that_nothing_is_judged_by_it(served):
    images, targets = drawn(4, 4000)
    shuffled = targets[np.random.default_rng(0).permutation(len(targets))]
    estimated, true = aurocs(served, images, shuffled)
    assert abs(true - 0.5) < 0.03 and estimated > 0.7
