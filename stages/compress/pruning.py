"""Magnitude pruning by tfmot (Zhu & Gupta 2017, arXiv:1710.01878): wrap, fine-tune, strip.

tfmot mutates the net it is given, so every function here works on a net that was built for it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras as keras

from cxr.model import model_folder
from cxr.nets import factory
from cxr.params.learning import Prune, Schedule, Train
from cxr.training import data_order, losses
from cxr.training.checkpoint import Checkpoints
from cxr.training.input_pipeline import Feed
from cxr.training.loop import Training, TrainingPlan

_MASK_UPDATES = 20
_RAMP = 2 / 3  # of the fine-tuning; the rest heals the net under fixed masks


@dataclass(frozen=True)
class Pruned:
    """The stripped net's weights, in the order of the spec's net, and the work that it took."""

    weights: list[np.ndarray]
    steps_trained: int
    resumed_from_step: int


def fine_tune(parent: Path, feed: Feed, task: str, prune: Prune, train: Train, checkpoints: Checkpoints) -> Pruned:
    """Prune the net of a model folder while it learns on, with training's loss, minibatches and augmentation.

    Goes on from the newest checkpoint, to the same bytes as without a kill. Diverged where the loss is not finite.
    """
    steps = prune.epochs * data_order.steps_per_epoch(len(feed), train.batch_size)
    net = wrap(factory.load(parent), schedule(prune, steps))
    update = _pruning_step_callback(net)
    weights = losses.class_weights(feed.targets, task) if train.class_weights else None
    training = Training(
        net,
        feed,
        plan(prune, train),
        losses.build(train.loss, task, weights),
        checkpoints,
        lambda net: _end_of_epoch(net, update),
    )
    training.run()
    spec = model_folder.read_spec(parent)
    return Pruned(stripped_weights(net, spec), training.trained_steps, training.resumed_from)


def plan(prune: Prune, train: Train) -> TrainingPlan:
    """Training's own way of learning, with pruning's epochs and constant learning rate, and no early stopping."""
    return TrainingPlan(
        epochs=prune.epochs,
        batch_size=train.batch_size,
        seed=train.seed,
        optimizer=train.optimizer,
        learning_rate=prune.learning_rate,
        weight_decay=train.weight_decay,
        schedule=Schedule(name="constant"),
        augment=train.augment,
        patience=prune.epochs,
        checkpoint_seconds=train.checkpoint_seconds,
    )


def schedule(prune: Prune, steps: int) -> Any:
    """tfmot's sparsity over the steps: the last mask update falls on the ramp's last step, so the target is met."""
    ramp = max(1, round(steps * _RAMP))
    frequency = max(1, ramp // _MASK_UPDATES)
    end = frequency * (ramp // frequency)
    if prune.schedule == "constant":
        return tfmot.sparsity.keras.ConstantSparsity(prune.sparsity, 1, end + 1, frequency)
    return tfmot.sparsity.keras.PolynomialDecay(0.0, prune.sparsity, 0, end, frequency=frequency)


def prunable(layer: keras.layers.Layer) -> bool:
    """Whether a layer's kernel is pruned: trainable convolutions and dense layers; depthwise kernels are too few."""
    return type(layer) in (keras.layers.Conv2D, keras.layers.Dense) and layer.trainable


def wrap(net: keras.Model, sparsity: Any) -> keras.Model:
    """The net with tfmot's wrappers around its prunable layers. It shares the layers of `net`, which it changes."""

    def wrapped(layer: keras.layers.Layer) -> keras.layers.Layer:
        """The layer in tfmot's wrapper where its kernel is pruned, else the layer itself."""
        return tfmot.sparsity.keras.prune_low_magnitude(layer, sparsity) if prunable(layer) else layer

    return keras.models.clone_model(net, clone_function=wrapped)


def stripped_weights(net: keras.Model, spec: dict[str, Any]) -> list[np.ndarray]:
    """Weights of a wrapped net without its wrappers, in the order of the net that `spec` builds."""
    stripped, plain = tfmot.sparsity.keras.strip_pruning(net), factory.build(spec)
    for layer in plain.layers:
        layer.set_weights(stripped.get_layer(layer.name).get_weights())
    return list(plain.get_weights())


def _pruning_step_callback(net: keras.Model) -> Any:
    """tfmot's callback, begun: it sets the step counters of a fresh net to 0 and masks at an epoch's end."""
    update = tfmot.sparsity.keras.UpdatePruningStep()
    update.set_model(net)
    update.on_train_begin()
    return update


def _end_of_epoch(net: keras.Model, update: Any) -> dict[str, float]:
    """Mask what the last step of the optimizer changed. The latest epoch is the one to keep, so the score rises."""
    update.on_epoch_end(None)
    return {"score": float(update.prunable_layers[0].pruning_step), "sparsity": masked(net)}


def masked(net: keras.Model) -> float:
    """Fraction of zeros in the kernels of a wrapped net's pruned layers."""
    kernels = [layer.layer.kernel.numpy() for layer in net.layers if hasattr(layer, "pruning_step")]
    return float(1 - sum(np.count_nonzero(k) for k in kernels) / sum(k.size for k in kernels))
