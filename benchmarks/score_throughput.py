"""Images/s of `stages.score` against bare calls: `python benchmarks/score_throughput.py FOLDER [--model M]`.

Bare: as many processes, the same files in the same batches, and nothing but read, decode, preprocess (the chain of
training) and LiteRT's interpreter (set_tensor, invoke, get_tensor). Ours: all of `serving.score.run.score` into an
empty log: that and image ids, statistics, pooled features, calibration, log, memory. "Described" stands between: bare,
and the id and the statistics of each image, which the log has to hold; what ours costs beyond it is machinery. Turns
alternate; process start is in all. Beside images/s stand the milliseconds of processor time an image, of all processes
together, which other work on the machine changes less, and the ratio of the best turns, which it disturbed least. Also
milliseconds an image of each part in one process, alone.
Without --model: the net of --preset (default: params.yaml) with random weights (same speed), float32.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]
from benchmarks.amounts import natural, positive
from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from cxr.core.environment import workers
from cxr.data.preprocessing_spec import Chain
from cxr.imaging.decode import Decoded, decode, image_id
from cxr.imaging.preprocess import apply
from cxr.imaging.statistics import describe
from cxr.metrics.latency import processor
from cxr.model import model_folder
from cxr.model.litert import BLOCK
from cxr.runtime import process_pool
from serving.registry import releases
from serving.score.files import ImageFile, find
from serving.score.run import ScoringPlan, score
from serving.score.score_images import ImageBounds
from tests.fixtures import tiny_nets

PIXELS, BYTES = 10**8, 1 << 26


def default_model(folder: Path, preset: Path = ROOT / "params.yaml") -> Path:
    """A model folder with a preset's net, random weights."""
    from cxr.nets import factory, tf_session
    from cxr.params import load
    from cxr.params import preset as presets
    from cxr.training.tflite import float_tflite

    params = load(preset) if preset.name == "params.yaml" else presets.params(preset)
    tf_session.start(params.machine, 0)
    labels, size = params.ingest.labels, params.preprocess.size
    spec = factory.spec(
        params.train.net, width=params.train.width, dropout=0.0, shape=(size, size, 1), outputs=len(labels)
    )
    card = tiny_nets.card(
        labels,
        input={"height": size, "width": size, "channels": 1},
        preprocessing=Chain.from_params(params.preprocess, 1),
    )
    model_folder.write(folder, spec=spec, weights=[], card=card, tflite=float_tflite(factory.build(spec)))
    return folder


@cache
def bare_net(model: Path) -> tuple[Interpreter, dict[str, Any], Chain]:
    """The interpreter at the same block as ours."""
    interpreter = Interpreter(model_content=model_folder.read_tflite(model), num_threads=1)
    tensor = interpreter.get_input_details()[0]
    interpreter.resize_tensor_input(tensor["index"], [BLOCK, *tensor["shape"][1:]], strict=False)
    interpreter.allocate_tensors()
    chain = model_folder.read_card(model).preprocessing
    return interpreter, interpreter.get_input_details()[0], chain


def bare(order: tuple[Path, tuple[ImageFile, ...]]) -> int:
    """Files to logits and nothing else."""
    decoded = (decode(file.location.read(), PIXELS) for file in order[1])
    return infer(order[0], [apply(bare_net(order[0])[2], image) for image in decoded])


def described(order: tuple[Path, tuple[ImageFile, ...]]) -> int:
    """The same, and what each image is and looks like."""
    inputs = []
    for file in order[1]:
        image = decode(file.location.read(), PIXELS)
        inputs.append(apply(bare_net(order[0])[2], image))
        image_id(image)
        describe(image)
    return infer(order[0], inputs)


def infer(model: Path, inputs: list[np.ndarray]) -> int:
    """All inputs through the interpreter; how many."""
    interpreter, tensor, _ = bare_net(model)
    images = np.stack(inputs).astype(tensor["dtype"])
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK]
        if len(block) < BLOCK:
            block = np.concatenate([block, np.zeros((BLOCK - len(block), *block.shape[1:]), block.dtype)])
        interpreter.set_tensor(tensor["index"], block)
        interpreter.invoke()
        for output in interpreter.get_output_details():
            interpreter.get_tensor(output["index"])
    return len(images)


def bare_run(work: Callable[..., int], model: Path, files: list[ImageFile], size: int) -> int:
    """All files over the processes."""
    orders = [(model, tuple(files[start : start + size])) for start in range(0, len(files), size)]
    return sum(done or 0 for _, done in process_pool.map_unordered(work, orders, workers(), chunk=1))


def our_run(folder: Path, production: Path, batch: int) -> int:
    """All files into an empty log, nothing remembered."""
    shutil.rmtree(production / "log", ignore_errors=True)
    with tempfile.TemporaryDirectory() as cache_folder:
        os.environ["CXR_CACHE"] = cache_folder
        tally = score(ScoringPlan(folder, production, batch, BYTES, ImageBounds(PIXELS), 10.0))
    assert tally.already == 0, "two files hold the same pixels: the two sides would not do the same work"
    return tally.scored


def processor_seconds() -> float:
    """Of this process and of those that have ended."""
    return sum(os.times()[:4])


def parts(model: Path, files: list[ImageFile]) -> dict[str, float]:
    """Milliseconds an image of each part, median over files, alone in this process."""
    cv2.setNumThreads(1)
    chain, taken = bare_net(model)[2], dict[str, list[float]]()
    for file in files[:60]:
        data = file.location.read()
        decoded = decode(data, PIXELS)
        fresh = partial(Decoded, decoded.pixels, decoded.bit_depth, decoded.kind)  # nothing reduced yet
        for name, work in (
            ("decode", lambda d=data: decode(d, PIXELS)),
            ("chain", lambda x=fresh: apply(chain, x())),
            ("statistics", lambda x=fresh: describe(x())),
            ("image id", lambda x=fresh: image_id(x())),
        ):
            start = time.perf_counter()
            work()
            taken.setdefault(name, []).append((time.perf_counter() - start) * 1000)
    return {name: round(statistics.median(values), 2) for name, values in taken.items()}


def main() -> None:
    """Print turns, medians and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--preset", type=Path, default=ROOT / "params.yaml")
    parser.add_argument("--turns", type=positive, default=5)
    parser.add_argument("--images", type=natural, default=0, help="only the first so many, copied")
    parser.add_argument("--batch", type=positive, default=32)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch)
        folder = given.folder.resolve()
        if given.images:
            folder = top / "images"
            folder.mkdir()
            for position, file in enumerate(find(given.folder, BYTES).images[: given.images]):
                shutil.copyfile(file.location.path, folder / f"{position}{file.suffix}")
        model = given.model or default_model(top / "model", given.preset)
        release = releases.install(top / "production", model, "v", "", None)
        compare(folder, release.folder, top / "production", given)


def compare(folder: Path, model: Path, production: Path, given: argparse.Namespace) -> None:
    """Turns of both, one after the other, each time another one first."""
    files = find(folder, BYTES).images
    size = max(1, min(given.batch, -(-len(files) // workers())))
    sides = {
        "bare": lambda: bare_run(bare, model, files, size),
        "described": lambda: bare_run(described, model, files, size),
        "ours": lambda: our_run(folder, production, given.batch),
    }
    speeds, burnt = ({name: list[float]() for name in sides} for _ in range(2))
    for turn in range(given.turns):
        for name in sorted(sides, reverse=bool(turn % 2)):
            start, before = time.perf_counter(), processor_seconds()
            done = sides[name]()
            speeds[name].append(done / (time.perf_counter() - start))
            burnt[name].append(1000 * (processor_seconds() - before) / done)
            print(f"turn {turn + 1} {name}: {speeds[name][-1]:.1f} images/s, {burnt[name][-1]:.2f} ms", flush=True)
    print(f"\n{len(files)} images, {workers()} processes, {processor()}")
    for name in sides:
        print(
            f"{name}: {statistics.median(speeds[name]):.1f} images/s, {statistics.median(burnt[name]):.2f} ms of "
            "processor an image (medians)"
        )
    for name in ("bare", "described"):
        ratios = [ours / other for ours, other in zip(speeds["ours"], speeds[name], strict=True)]
        spent = [other / ours for ours, other in zip(burnt["ours"], burnt[name], strict=True)]
        print(
            f"ours over {name}: {statistics.median(ratios):.3f} (turns: {', '.join(f'{r:.3f}' for r in ratios)}); by "
            f"processor time {statistics.median(spent):.3f}; best turns "
            f"{max(speeds['ours']) / max(speeds[name]):.3f}"
        )
    print("ms an image, alone:", ", ".join(f"{name} {ms}" for name, ms in parts(model, files).items()))


if __name__ == "__main__":
    main()
