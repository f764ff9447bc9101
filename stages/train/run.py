"""Reads shards and manifest, trains the net of `params.train`, writes `models/base`, metrics and curves."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras as keras

from cxr.core.code_version import stage_code_version
from cxr.core.errors import UserError
from cxr.core.files import CHECKSUMS, number, read_json, sha256_file, write_json
from cxr.data.manifest import Manifest
from cxr.data.manifest import read as read_manifest
from cxr.data.preprocessing_spec import Chain
from cxr.data.shards import Shards
from cxr.model import model_folder
from cxr.nets import factory, tf_session
from cxr.params import Params
from cxr.params.learning import Train
from cxr.selection import auroc
from cxr.training import losses, model_card
from cxr.training.checkpoint import Checkpoints, key
from cxr.training.input_pipeline import Feed
from cxr.training.loop import Progress, Training, TrainingFailed, TrainingPlan
from cxr.training.tflite import float_tflite, served_answers
from cxr.training.warm_start import Initial, initial
from stages.train.curves import record

PROCESSED, BASE = Path("data/processed"), model_folder.of_variant(model_folder.BASE)

logger = logging.getLogger(__name__)


def main(params: Params) -> dict[str, int]:
    """Seed, data, net, fit, write; counts of steps trained. UserError says what is wrong with data or parameters."""
    tf_session.start(params.machine, params.train.seed)
    manifest, shards = read_manifest(), Shards(PROCESSED)
    feed = feed_of(manifest.rows("train"), shards)
    validation = validation_of(manifest)
    spec = net_spec(params.train, manifest, shards)
    start = initial(params.train.initial, spec, list(manifest.head.labels))
    net = fresh_net(spec, params.train, start)
    parent = start.identity if start else None
    training = fit(net, feed, validation, shards, params, checkpoint_key(spec, manifest, params, parent))
    write_model(net, spec, manifest, shards, parent)
    same = tf_session.same_bytes_on(params.train.net)
    logger.info("train: the same bytes on %s", same)
    write_json(Path("metrics/train.json"), {**figures(training.progress, net, feed), "same_bytes_on": same})
    return {"steps": training.trained_steps, "resumed_from_step": training.resumed_from}


def checkpoint_key(spec: dict[str, Any], manifest: Manifest, params: Params, parent: str | None) -> str:
    """Names the training by all that decides its bytes; `parent` is the identity of the model that it starts from."""
    return key(
        spec,
        *inputs(manifest),
        params.train.model_dump(),
        parent,
        params.machine.model_dump(),
        tf_session.surroundings(),
        stage_code_version("train"),
    )


def inputs(manifest: Manifest) -> tuple[str, str]:
    """Hashes of what training reads: the shards' checksums, the manifest's splits and labels."""
    labels = manifest.targets().astype(np.int8).tobytes().hex()
    return sha256_file(PROCESSED / CHECKSUMS), key(model_card.split_hash(manifest), labels)


def feed_of(manifest: Manifest, shards: Shards) -> Feed:
    """The rows' images with their targets; UserError where there are none."""
    if manifest.table.empty:
        raise UserError("data/manifest.parquet: no image in the train split: add data, or change ingest.split")
    return Feed(shards, list(manifest.table["image_id"]), manifest.targets())


def validation_of(manifest: Manifest) -> Manifest:
    """The validation rows without the gate studies, which choose the weights; UserError where there are none."""
    rows = manifest.rows("validation", gate=False)
    if rows.table.empty:
        raise UserError(
            "data/manifest.parquet: no image in the validation split outside the gate: without it no epoch's weights "
            "are the best; add data, or change ingest.split (ratio.validation, gate_fraction, seed)"
        )
    return rows


def net_spec(train: Train, manifest: Manifest, shards: Shards) -> dict[str, Any]:
    """Spec of the net for these shards and labels."""
    return factory.spec(
        train.net, width=train.width, dropout=train.dropout, shape=shards.image_shape, outputs=len(manifest.head.labels)
    )


def fresh_net(spec: dict[str, Any], train: Train, start: Initial | None = None) -> keras.Model:
    """The net with its first weights; MissingWeights where ImageNet's are asked for and not there."""
    if start:
        net = factory.build(spec)
        net.set_weights(start.weights)
        return net
    return factory.build(spec, train.weights)


def plan_of(train: Train) -> TrainingPlan:
    """The parameters that the loop needs."""
    names = TrainingPlan.__dataclass_fields__
    return TrainingPlan(**{name: getattr(train, name) for name in names})


def fit(net: keras.Model, feed: Feed, validation: Manifest, shards: Shards, params: Params, run_key: str) -> Training:
    """Train; the net holds the best epoch's weights afterwards. UserError where it fails."""
    task = validation.head.task
    weights = losses.class_weights(feed.targets, task) if params.train.class_weights else None
    loss = losses.build(params.train.loss, task, weights)
    watched = Feed(shards, list(validation.table["image_id"]), validation.targets())
    training = Training(
        net,
        feed,
        plan_of(params.train),
        loss,
        Checkpoints("train", run_key),
        lambda model: validation_figures(model, watched, validation, params.train),
        on_epoch=record,
    )
    try:
        training.run()
    except TrainingFailed as error:
        raise UserError(str(error)) from error
    record(training.progress.history)
    return training


def validation_figures(net: keras.Model, feed: Feed, manifest: Manifest, train: Train) -> dict[str, float]:
    """Loss and macro AUROC on validation; `score` is the AUROC (minus the loss where no label has both classes)."""
    logits = float_logits(net, feed, train.batch_size)
    loss = float(losses.build(train.loss, manifest.head.task)(feed.targets, logits))
    scores = auroc.scores(logits, manifest.head.task)
    macro = auroc.auroc(feed.targets, scores, list(manifest.head.labels))["macro"]
    if not isinstance(macro, float):
        return {"val_loss": loss, "score": -loss}
    return {"val_loss": loss, "val_auroc": macro, "score": macro}


def float_logits(net: keras.Model, feed: Feed, batch_size: int) -> np.ndarray:
    """The net's answers by Keras, float32 (images, labels)."""
    answers = [np.asarray(net(images, training=False)) for images in feed.in_order(batch_size)]
    return np.concatenate(answers) if answers else np.empty((0, net.output_shape[-1]), np.float32)


def write_model(
    net: keras.Model, spec: dict[str, Any], manifest: Manifest, shards: Shards, parent: str | None = None
) -> None:
    """Convert to TFLite, measure that file on validation, and write `models/base` with its checksums."""
    tflite = float_tflite(net)
    chain = Chain.from_dict(read_json(PROCESSED / "chain.json"))
    code, data_hash = stage_code_version("train"), sha256_file(PROCESSED / CHECKSUMS)
    validation = manifest.rows("validation", gate=False)
    images = shards.images(list(validation.table["image_id"]))
    answers = served_answers(model_card.net_card(manifest, chain), tflite, images)
    card = model_card.base_card(
        manifest,
        chain,
        model_card.measured(validation, answers.logits),
        data_hash=data_hash,
        code_version=code,
        parent=parent,
    )
    model_folder.write(
        BASE,
        spec=spec,
        weights=net.get_weights(),
        card=card,
        tflite=tflite,
        reference=model_card.reference(validation, answers),
    )


def figures(progress: Progress, net: keras.Model, feed: Feed) -> dict[str, Any]:
    """Content of `metrics/train.json`: epochs, the best one's validation figures, counts of images and weights."""
    best = progress.history[progress.best_epoch]
    return {
        "epochs_run": progress.epoch,
        "best_epoch": progress.best_epoch + 1,
        "images": len(feed),
        "weights": int(net.count_params()),
        "best": {name: number(value) for name, value in best.items()},
    }
