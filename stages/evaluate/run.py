"""Reads models, manifest and shards; measures every variant on the test split; writes metrics, plots, predictions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cxr.core.environment import workers
from cxr.core.errors import UserError
from cxr.core.files import atomic_folder, write_csv, write_json
from cxr.data.manifest import Manifest
from cxr.data.manifest import read as read_manifest
from cxr.data.shards import Shards
from cxr.metrics import latency
from cxr.metrics.intervals import PatientBootstrap
from cxr.model import model_folder
from cxr.model.litert import InferenceError, Net
from cxr.model.model_folder import BASE
from cxr.params import Params
from cxr.params.schema import Evaluate
from cxr.runtime import progress
from stages.evaluate import curves, predictions, verdict
from stages.evaluate.figures import Truth, VariantAnswers, answers, difference, figures
from stages.evaluate.variants import Variant, listed, opened

AT_ONCE = 64  # images in memory


def main(params: Params) -> dict[str, int]:
    """Answers of every variant, then what they are worth, then how long they take."""
    shards, variants = Shards(), listed(Path("metrics/compress.json"), Path("models"))
    truth = test_split(read_manifest(), shards)
    bootstrap = PatientBootstrap(truth.patients, params.evaluate.bootstrap, params.evaluate.seed)
    found = {variant.name: _answers(variant, truth, shards, bootstrap) for variant in variants}
    metrics = {v.name: _metrics(v, truth, found, bootstrap) for v in variants}
    speed = speeds(variants, truth, shards, metrics, params.evaluate)
    write_plots(truth, found)
    predictions.write(Path("data/predictions.parquet"), truth, found)
    write_json(Path("metrics/evaluate.json"), metrics)
    write_json(Path("metrics/latency.json"), speed)
    return {"images": len(truth.image_ids), "variants": len(variants)}


def test_split(manifest: Manifest, shards: Shards) -> Truth:
    """The test images and their truth; UserError where there are none, or one is not in the shards."""
    test = manifest.rows("test")
    ids = [str(i) for i in test.table["image_id"]]
    if not ids:
        raise UserError("data/manifest.parquet: no image in the test split: add data, or change ingest.split")
    if absent := [i for i in ids if i not in shards]:
        raise UserError(
            f"{shards.folder}: {len(absent)} test images are not in it (the first: {absent[0]}); "
            "run `dvc repro preprocess`"
        )
    return Truth(test.head.labels, test.head.task, test.targets(), [str(p) for p in test.table["patient"]], ids)


def logits_of(net: Net, image_ids: Sequence[str], shards: Shards, name: str) -> np.ndarray:
    """Logits float32 (images, labels), with a progress bar; UserError where the net fails."""
    parts = []
    with progress.bar(what=f"evaluate {name}", unit="image", total=len(image_ids)) as bar:
        for images in shards.minibatches(image_ids, AT_ONCE):
            try:
                parts.append(net.logits(images))
            except (InferenceError, ValueError) as error:
                raise UserError(f"{error} (among images {bar.n} to {bar.n + len(images) - 1} of test)") from error
            bar.update(len(images))
    return np.concatenate(parts)


def _answers(variant: Variant, truth: Truth, shards: Shards, bootstrap: PatientBootstrap) -> VariantAnswers:
    """One variant run over the test images on all cores. UserError where its net fails."""
    net = opened(variant, truth.labels, workers())
    return answers(truth, logits_of(net, truth.image_ids, shards, variant.name), net.card, bootstrap)


def _metrics(
    variant: Variant, truth: Truth, found: Mapping[str, VariantAnswers], bootstrap: PatientBootstrap
) -> dict[str, Any]:
    """One variant's entry of `metrics/evaluate.json`; all but base say what they lose or gain against it."""
    entry = {"model": model_folder.identity(variant.folder), **figures(truth, found[variant.name], bootstrap)}
    if variant.name != BASE:
        entry["auroc_difference"] = difference(truth, found[variant.name], found[BASE])
    return entry


def speeds(
    variants: Sequence[Variant], truth: Truth, shards: Shards, metrics: Mapping[str, Any], evaluate: Evaluate
) -> dict[str, Any]:
    """What `metrics/latency.json` holds, by variant: times, ratios against base, and whether the variant pays."""
    nets = {v.name: opened(v, truth.labels, evaluate.latency_threads, block=1) for v in variants}
    images = shards.images(latency.evenly_chosen(truth.image_ids, evaluate.latency_images))
    taken = latency.timed(nets, images)
    conditions = {"images": len(images), "threads": evaluate.latency_threads, "processor": latency.processor()}
    base = variants[0]
    result = {}
    for variant in variants:
        times = latency.figures(taken[variant.name], taken[BASE])
        result[variant.name] = {**conditions, **times}
        if variant.name != BASE:
            comparison = verdict.AgainstBase(
                base.size / variant.size,
                base.zipped / variant.zipped,
                times["speed_ratio"],
                metrics[variant.name]["auroc_difference"]["macro"],
            )
            result[variant.name] |= verdict.entry(variant.name, comparison)
    return result


def write_plots(truth: Truth, found: Mapping[str, VariantAnswers], folder: Path = Path("plots/evaluate")) -> None:
    """`roc.csv`, `pr.csv` and `confusion.csv` of all variants."""
    files = {
        "roc.csv": (curves.roc_rows, curves.CURVE_COLUMNS),
        "pr.csv": (curves.precision_recall_rows, curves.CURVE_COLUMNS),
        "confusion.csv": (curves.confusion_rows, curves.CONFUSION_COLUMNS),
    }
    with atomic_folder(folder) as temporary:
        for name, (rows, columns) in files.items():
            write_csv(temporary / name, columns, (row for v, a in found.items() for row in rows(v, truth, a)))
