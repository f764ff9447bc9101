"""The training loop: early stopping, best weights kept, and checkpoints from which it resumes to the same bytes."""

import contextlib
import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from cxr.params.learning import Augment, Schedule
from cxr.runtime import progress
from cxr.training import data_order
from cxr.training.checkpoint import Checkpoints
from cxr.training.input_pipeline import Feed
from cxr.training.losses import LossFunction
from cxr.training.schedules import learning_rate

logger = logging.getLogger(__name__)


class TrainingFailed(Exception):
    """A training that gives no net; the message says why and what to try."""


class Diverged(TrainingFailed):
    """The loss became NaN or infinite."""


class NothingLearned(TrainingFailed):
    """No step was taken, or no epoch had a score: the best weights would be those of before the training."""


@dataclass(frozen=True)
class TrainingPlan:
    """How to train: what decides the result, but for `checkpoint_seconds`."""

    epochs: int
    batch_size: int
    seed: int
    optimizer: str
    learning_rate: float
    weight_decay: float
    schedule: Schedule
    augment: Augment
    patience: int
    checkpoint_seconds: float


@dataclass
class Progress:
    """How far a training has come; all of it goes into a checkpoint."""

    epoch: int = 0
    step: int = 0  # within the epoch
    losses: list[float] = field(default_factory=list)  # of the steps of this epoch
    history: list[dict[str, float]] = field(default_factory=list)  # one entry an epoch
    best_epoch: int = -1
    best_score: float = -math.inf

    def done(self, plan: TrainingPlan) -> bool:
        """Whether all epochs ran, or the score has not risen for `patience` epochs."""
        return self.epoch >= plan.epochs or (self.best_epoch >= 0 and self.epoch - 1 - self.best_epoch >= plan.patience)


Score = Callable[[keras.Model], dict[str, float]]


class Training:
    """One training of one net; `run` returns when it is done, with the best epoch's weights in the net.

    `score(net)` gives the epoch's validation figures; `score` in it decides (higher is better). `after_step(net)` is
    called after every step (pruning masks). `on_epoch(history)` after every epoch (curves).
    """

    def __init__(
        self,
        net: keras.Model,
        feed: Feed,
        plan: TrainingPlan,
        loss: LossFunction,
        checkpoints: Checkpoints,
        score: Score,
        *,
        on_epoch: Callable[[list[dict[str, float]]], None] = lambda history: None,
        before_step: Callable[[int], None] = lambda step: None,
    ) -> None:
        """Build the optimizer and restore the newest checkpoint, if there is one."""
        self.net, self.feed, self.plan, self.checkpoints = net, feed, plan, checkpoints
        self.score, self.on_epoch, self.before_step = score, on_epoch, before_step
        self.steps = data_order.steps_per_epoch(len(feed), plan.batch_size)
        self.optimizer = _optimizer(plan)
        self.optimizer.build(net.trainable_variables)
        self.step = _step_function(net, self.optimizer, loss)
        self.progress, self.best = Progress(), net.get_weights()
        self.resumed_from = self._resume()
        self.trained_steps = 0
        self._saved = time.monotonic()
        self._stop = threading.Event()

    def run(self) -> Progress:
        """Train to the end. TrainingFailed where the loss is not finite or nothing was learned; KeyboardInterrupt,
        after the step under way and a checkpoint, on SIGINT or SIGTERM."""
        if not len(self.feed):
            raise NothingLearned("there is no image to train on: no step can be taken")
        with interruptible(self._stop):
            while not self.progress.done(self.plan):
                self._epoch()
        if self.progress.best_epoch < 0:
            raise NothingLearned(
                f"none of {self.progress.epoch} epochs has a validation score that is a number, so that no weights are "
                "the best: look at the validation split"
            )
        self.net.set_weights(self.best)
        return self.progress

    def _epoch(self) -> None:
        """Train the rest of the epoch under way; its figures stay on the console in a line."""
        state, plan = self.progress, self.plan
        minibatches = self.feed.epoch(plan.augment, plan.batch_size, plan.seed, state.epoch, state.step)
        what = f"epoch {state.epoch + 1}/{plan.epochs}"
        with progress.bar(what=what, unit="step", total=self.steps, done=state.step) as bar:
            for images, targets in minibatches:
                self._step(images, targets)
                bar.update()
            figures = self._end_epoch()
        logger.info(
            "%s: %s", what, ", ".join(f"{name} {value:.4f}" for name, value in figures.items() if name != "score")
        )

    def _step(self, images: np.ndarray, targets: np.ndarray) -> None:
        """Learn from one minibatch, float32 (n, H, W, C) and (n, labels); Diverged where its loss is not finite."""
        state, plan = self.progress, self.plan
        scores = [entry["score"] for entry in state.history]
        at = state.epoch * self.steps + state.step
        rate = learning_rate(plan.learning_rate, plan.schedule, at, self.steps, plan.epochs, scores)
        self.optimizer.learning_rate.assign(rate)
        self.before_step(at)
        loss = float(self.step(images, targets))
        if not math.isfinite(loss):
            raise Diverged(
                f"the loss is {loss} at epoch {state.epoch + 1}, step {state.step + 1} of {self.steps} "
                f"(learning rate {rate:.3g}): lower train.learning_rate, or look at the data"
            )
        state.losses.append(loss)
        state.step += 1
        self.trained_steps += 1
        if time.monotonic() - self._saved > plan.checkpoint_seconds:
            self._save()
        if self._stop.is_set():
            self._save()
            raise KeyboardInterrupt

    def _end_epoch(self) -> dict[str, float]:
        """Validate, keep the weights if they are the best so far, save a checkpoint; the epoch's figures."""
        state = self.progress
        figures = self.score(self.net)
        entry = {"loss": float(np.mean(np.array(state.losses))), **figures}
        state.history.append(entry)
        if figures["score"] > state.best_score:
            state.best_score, state.best_epoch, self.best = figures["score"], state.epoch, self.net.get_weights()
        state.epoch, state.step, state.losses = state.epoch + 1, 0, []
        self._save()
        self.on_epoch(state.history)
        return entry

    def _save(self) -> None:
        """Write a checkpoint: progress, weights, the optimizer's variables, the best weights so far."""
        variables = [v.numpy() for v in self.optimizer.variables]
        arrays = [*self.net.get_weights(), *variables, *self.best]
        step = self.progress.epoch * self.steps + self.progress.step
        self.checkpoints.save(step, dict(self.progress.__dict__), arrays)
        self._saved = time.monotonic()

    def _resume(self) -> int:
        """Restore the newest checkpoint; the step at which it was saved, 0 where there is none."""
        found = self.checkpoints.newest()
        if found is None:
            return 0
        state, arrays = found
        count, extra = len(self.net.get_weights()), len(self.optimizer.variables)
        self.net.set_weights(arrays[:count])
        for variable, value in zip(self.optimizer.variables, arrays[count : count + extra], strict=True):
            variable.assign(value)
        self.best = arrays[count + extra :]
        self.progress = Progress(**state)
        step = self.progress.epoch * self.steps + self.progress.step
        logger.info("going on at epoch %d, step %d", self.progress.epoch + 1, self.progress.step + 1)
        return step


@contextlib.contextmanager
def interruptible(stop: threading.Event) -> Iterator[None]:
    """Within the block SIGINT and SIGTERM only set `stop`: a step is done whole or not at all."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _optimizer(plan: TrainingPlan) -> Any:
    """The optimizer that the plan names: SGD with Nesterov momentum, Adam or AdamW."""
    if plan.optimizer == "sgd":
        return keras.optimizers.SGD(plan.learning_rate, momentum=0.9, nesterov=True, jit_compile=False)
    if plan.optimizer == "adam":
        return keras.optimizers.Adam(plan.learning_rate, jit_compile=False)
    return keras.optimizers.AdamW(plan.learning_rate, weight_decay=plan.weight_decay, jit_compile=False)


def _step_function(net: keras.Model, optimizer: Any, loss: LossFunction) -> Callable[..., tf.Tensor]:
    """One step of gradient descent on float32 images (n, H, W, C) and targets (n, labels); the mean loss."""

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, *net.input_shape[1:]), tf.float32),
            tf.TensorSpec((None, net.output_shape[-1]), tf.float32),
        ]
    )
    def step(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Forward, backward, update of the weights; the minibatch's mean loss, a scalar."""
        with tf.GradientTape() as tape:
            value = loss(targets, net(images, training=True))
        gradients = tape.gradient(value, net.trainable_variables)
        optimizer.apply_gradients(zip(gradients, net.trainable_variables, strict=True))
        return value

    return step
