"""Milliseconds an image on this machine, taken as the scoring log takes them: the reference kept with a release.

`python -m serving.score.latency MODEL FOLDER... [--images 200]` prints {"p50_ms", "p95_ms", "images"} for the first of
the folders that holds images; nothing is logged. MODEL is a model folder, or a project in which the pipeline ran: then
the variant that it chose.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from cxr.core.environment import workers
from cxr.core.errors import UserError
from cxr.model import model_folder
from cxr.model.litert import InferenceError
from cxr.params import Params
from cxr.runtime import command_line, process_pool, stage_main
from serving.registry.pipeline_output import CHOICE, chosen_in
from serving.registry.releases import Release
from serving.score.files import ImageFile, find
from serving.score.model import OpenRelease, opened
from serving.score.score_images import ImageBounds, answer
from serving.score.worker import read


@dataclass(frozen=True)
class _Chunk:
    folder: Path
    files: tuple[ImageFile, ...]
    bounds: ImageBounds


def measure(model_folder: Path, files: Sequence[ImageFile], batch_size: int, bounds: ImageBounds) -> dict[str, float]:
    """p50_ms, p95_ms and the number of images, decoded, preprocessed and scored by all processes side by side.

    The first study of a process costs here what it costs in the log: see `serving.score.score_images` and
    `serving.score.model.opened`. UserError where none can be decoded.
    """
    size = max(1, min(batch_size, len(files) // (2 * workers())))
    chunks = [tuple(files[start : start + size]) for start in range(0, len(files), size)]
    orders = [_Chunk(model_folder, chunk, bounds) for chunk in chunks]
    taken = [ms for _, chunk in process_pool.map_unordered(_timed, orders, workers(), chunk=1) for ms in (chunk or [])]
    if not taken:
        raise UserError("no image could be decoded, so that no latency was measured; name another folder")
    return {
        "p50_ms": round(float(np.percentile(taken, 50)), 3),
        "p95_ms": round(float(np.percentile(taken, 95)), 3),
        "images": len(taken),
    }


def _timed(chunk: _Chunk) -> list[float]:
    """Milliseconds of each image of a chunk that can be decoded."""
    model = _model(chunk.folder)
    studies, _ = read(chunk.files, model.chain, chunk.bounds)
    return [float(ms) for ms in answer(model, studies).latency_ms] if studies else []


@cache
def _model(folder: Path) -> OpenRelease:
    return opened(Release(folder, model_folder.identity(folder), "", ""))


def _folder_of(model: Path) -> Path:
    """The model folder itself, or that of the variant chosen in a project."""
    return chosen_in(model)[1] if (model / CHOICE).is_file() else model


app = command_line.application()
_MODEL = typer.Argument(
    help="model folder, or a project in which the pipeline ran",
    metavar="MODEL",
    parser=command_line.given_path,
    show_default=False,
)
_FOLDERS = typer.Argument(
    help="folders of images; the first that holds any counts",
    metavar="FOLDER...",
    parser=command_line.given_path,
    show_default=False,
)


@command_line.command(app, stage_main.STATUSES)
def latency(
    model: Annotated[Path, _MODEL],
    folders: Annotated[list[Path], _FOLDERS],
    images: Annotated[int, typer.Option(help="at the most", min=1)] = 200,
) -> None:
    """Measure a model on this machine: milliseconds an image, as JSON."""
    raise typer.Exit(stage_main.run("latency", lambda params: _measured(params, model, folders, images)))


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and measure; the exit status."""
    return command_line.run(app, arguments, "python -m serving.score.latency")


def _measured(params: Params, model: Path, folders: list[Path], images: int) -> None:
    for folder in folders:
        files = find(folder, params.score.max_file_bytes).images if folder.is_dir() else []
        if files:
            picks = np.linspace(0, len(files), min(images, len(files)), endpoint=False).astype(int)
            chosen = [files[pick] for pick in picks]
            try:
                print(json.dumps(measure(_folder_of(model), chosen, params.score.batch_size, ImageBounds.of(params))))
            except InferenceError as error:
                raise UserError(str(error)) from error
            return
    raise UserError(f"no image in {', '.join(map(str, folders))}; name a folder with some")
