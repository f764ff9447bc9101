"""Reads models/base, shards and manifest; writes a model folder for each variant, the figures and the choice."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tf_keras as keras

from cxr.core.code_version import stage_code_version
from cxr.core.errors import UserError
from cxr.core.files import CHECKSUMS, atomic_folder, sha256_file, write_json
from cxr.data.manifest import Manifest
from cxr.data.manifest import read as read_manifest
from cxr.data.shards import Shards
from cxr.model import model_folder
from cxr.nets import factory, tf_session
from cxr.params import Params
from cxr.training import model_card
from cxr.training.checkpoint import Checkpoints, key
from cxr.training.input_pipeline import Feed
from cxr.training.loop import TrainingFailed
from cxr.training.tflite import served_answers
from stages.compress import variants

if TYPE_CHECKING:
    from stages.compress.pruning import Pruned

MANIFEST, PROCESSED = Path("data/manifest.parquet"), Path("data/processed")
BASE, COMPRESSED = model_folder.of_variant(model_folder.BASE), Path("models/compressed")

logger = logging.getLogger(__name__)


def main(params: Params) -> dict[str, int]:
    """Prune, convert, measure on validation, choose: from the top to the bottom. Counts of the steps trained."""
    tf_session.start(params.machine, params.train.seed)
    manifest, shards = read_manifest(MANIFEST), Shards(PROCESSED)
    names = variants.wanted(params.compress)
    validation, images = validation_of(manifest, shards)
    pruned = prune(manifest, shards, params) if "pruned" in names else None
    parents = {"base": factory.load(BASE)} | ({"pruned": net_with(pruned.weights)} if pruned else {})
    aurocs: dict[str, dict[str, Any]] = {}
    measured: dict[str, dict[str, Any]] = {}
    with atomic_folder(COMPRESSED) as folder:
        for name in [model_folder.BASE, *names]:
            net = parents[variants.PARENTS[name]]
            tflite = make(folder, name, net, validation, images, params.compress.representative_images)
            aurocs[name] = model_folder.read_card(folder_of(name, folder)).validation.auroc
            measured[name] = variants.figures(net, tflite, aurocs[name], aurocs[model_folder.BASE])
            logger.info("%s: %d bytes zipped, AUROC %s", name, measured[name]["bytes_gzip"], aurocs[name]["macro"])
    write_json(Path("metrics/compress.json"), variants.summary(measured, params.compress))
    return {"steps": pruned.steps_trained, "resumed_from_step": pruned.resumed_from_step} if pruned else {"steps": 0}


def folder_of(name: str, compressed: Path = COMPRESSED) -> Path:
    """The model folder of a variant, the compressed ones below `compressed`."""
    return BASE if name == model_folder.BASE else compressed / name


def validation_of(manifest: Manifest, shards: Shards) -> tuple[Manifest, np.ndarray]:
    """Validation rows without the gate studies, and their images, uint8 (rows, H, W, C); UserError if none."""
    rows = manifest.rows("validation", gate=False)
    if rows.table.empty:
        raise UserError(
            f"{MANIFEST}: no image in the validation split outside the gate: add data, or change "
            "ingest.split; without it no variant can be calibrated or chosen"
        )
    return rows, shards.images(list(rows.table["image_id"]))


def prune(manifest: Manifest, shards: Shards, params: Params) -> "Pruned":
    """Prune and fine-tune base on the train split; UserError where it fails."""
    from stages.compress.pruning import fine_tune  # tfmot takes seconds to import: only where something is pruned

    rows, section = manifest.rows("train"), params.compress.prune
    feed = Feed(shards, list(rows.table["image_id"]), rows.targets())
    run_key = key(
        model_folder.identity(BASE),
        sha256_file(PROCESSED / CHECKSUMS),
        sha256_file(MANIFEST),
        section.model_dump(),
        params.train.model_dump(),
        params.machine.model_dump(),
        tf_session.surroundings(),
        stage_code_version("compress"),
    )
    try:
        return fine_tune(BASE, feed, manifest.head.task, section, params.train, Checkpoints("compress", run_key))
    except TrainingFailed as error:
        raise UserError(f"compress.prune: {error}") from error


def net_with(weights: list[np.ndarray]) -> keras.Model:
    """Base's net with other weights."""
    net = factory.build(model_folder.read_spec(BASE))
    net.set_weights(weights)
    return net


def make(
    compressed: Path, name: str, net: keras.Model, validation: Manifest, images: np.ndarray, representative: int
) -> bytes:
    """Write one variant's model folder below `compressed` (base's exists already); its TFLite flatbuffer.

    The first `representative` validation images calibrate int8: image ids are hashes, so their order is a draw.
    """
    if name == model_folder.BASE:
        return model_folder.read_tflite(BASE)
    tflite = variants.tflite_of(name, net, images[:representative], validation.head.task)
    parent = folder_of("pruned" if name == "pruned_int8" else model_folder.BASE, compressed)
    card = variants.card_of(
        name, model_folder.read_card(BASE), net, model_folder.identity(parent), stage_code_version("compress")
    )
    answers = served_answers(card, tflite, images)
    card = model_card.measured_anew(card, model_card.measured(validation, answers.logits))
    model_folder.write(
        folder_of(name, compressed),
        spec=model_folder.read_spec(BASE),
        weights=net.get_weights(),
        card=card,
        tflite=tflite,
        reference=model_card.reference(validation, answers),
    )
    return tflite
