"""Milliseconds an image on this machine, taken as the scoring log takes them: the reference kept with a release.

`python -m serving.score.latency MODEL FOLDER... [--images 200]` prints {"p50_ms", "p95_ms", "images"} for the first of
the folders that holds images; nothing is logged. MODEL is a model folder, or a project in which the pipeline ran: then
the variant that it chose.
"""
import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from cxr.core.environment import workers
from cxr.core.errors import UserError
from cxr.model import model_folder
from cxr.model.litert import InferenceError
from cxr.params import Params
from cxr.runtime import process_pool, stage_main
from serving.registry.pipeline_output import CHOICE, chosen_in
from serving.registry.releases import Release
from serving.score.files import ImageFile, find
from serving.score.model import OpenRelease, opened
from serving.score.score_images import answer
from serving.score.worker import read


@dataclass(frozen=True)
class _Chunk:
    folder: Path
    files: tuple[ImageFile, ...]
    max_pixels: int


def measure(model_folder: Path, files: Sequence[ImageFile], batch_size: int, max_pixels: int) -> dict[str, float]:
    """p50_ms, p95_ms and the number of images, decoded, preprocessed and scored by all processes side by side.

    The first study of a process costs here what it costs in the log: see `serving.score.score_images` and
    `serving.score.model.opened`. UserError where none can be decoded.
    """
    size = max(1, min(batch_size, len(files) // (2 * workers())))
    chunks = [tuple(files[start:start + size]) for start in range(0, len(files), size)]
    orders = [_Chunk(model_folder, chunk, max_pixels) for chunk in chunks]
    taken = [ms for _, chunk in process_pool.map_unordered(_timed, orders, workers(), chunk=1) for ms in chunk or []]
    if not taken:
        raise UserError("no image could be decoded, so that no latency was measured; name another folder")
    return {"p50_ms": round(float(np.percentile(taken, 50)), 3), "p95_ms": round(float(np.percentile(taken, 95)), 3),
            "images": len(taken)}


def _timed(chunk: _Chunk) -> list[float]:
    """Milliseconds of each image of a chunk that can be decoded."""
    model = _model(chunk.folder)
    studies, _ = read(chunk.files, model.chain, chunk.max_pixels)
    return [float(ms) for ms in answer(model, studies).latency_ms] if studies else []


@cache
def _model(folder: Path) -> OpenRelease:
    return opened(Release(folder, model_folder.identity(folder), "", ""))


def _folder_of(model: Path) -> Path:
    """The model folder itself, or that of the variant chosen in a project."""
    return chosen_in(model)[1] if (model / CHOICE).is_file() else model


def _run(params: Params, options: argparse.Namespace) -> None:
    for folder in options.folders:
        files = find(folder, params.score.max_file_bytes).images if folder.is_dir() else []
        if files:
            picks = np.linspace(0, len(files), min(options.images, len(files)), endpoint=False).astype(int)
            chosen = [files[pick] for pick in picks]
            try:
                model = _folder_of(options.model)
                print(json.dumps(measure(model, chosen, params.score.batch_size, params.ingest.max_pixels)))
            except InferenceError as error:
                raise UserError(str(error)) from error
            return
    raise UserError(f"no image in {', '.join(map(str, options.folders))}; name a folder with some")


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0, or 1 and a readable line."""
    parser = argparse.ArgumentParser("python -m serving.score.latency", description="Measure a model on this machine.")
    parser.add_argument("model", type=Path, help="model folder, or a project in which the pipeline ran")
    parser.add_argument("folders", type=Path, nargs="+", help="folders of images; the first that holds any counts")
    parser.add_argument("--images", type=int, default=200, help="at the most")
    options = parser.parse_args(arguments)
    return stage_main.run("latency", lambda params: _run(params, options))
