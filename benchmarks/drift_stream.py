"""Streams of freshly rendered phantoms, scored by a model as production would score them; for the drift benchmarks.

Rendered in parts of 1,000 studies by patients that no training batch holds. A part is kept on disk under a key of all
that decides it, so that a benchmark that was stopped goes on where it was. Not for real images: see `drift_sets.py`.
"""

from cxr.core import determinism

determinism.set_environment()  # before NumPy and OpenCV load
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from cxr.core.code_version import code_version
from cxr.core.environment import workers
from cxr.core.files import write_bytes
from cxr.imaging.decode import Decoded, image_id
from cxr.imaging.preprocess import apply
from cxr.imaging.statistics import NAMES, describe
from cxr.model import model_folder
from cxr.model.card import ModelCard
from cxr.model.litert import Net
from cxr.model.model_folder import pack_named
from cxr.model.probabilities import calibrated
from cxr.params.schema import Phantom
from cxr.runtime.process_pool import map_ordered
from stages.phantom.plan import StudyPlan, plan_studies
from stages.phantom.render import render_study
from stages.phantom.scanner import SCANNERS, Scanner

PART = 1000  # studies
_FIRST = 1_000_000  # patients of the benchmarks start here, those of part k at _FIRST + k PART
UNSEEN = "C"  # a make of scanner that no phantom batch holds: sharper, quieter and brighter than A
SCANNERS[UNSEEN] = Scanner(
    blur=0.0012,
    noise=0.011,
    grain=0.0,
    bend=0.3,
    contrast=0.4,
    sharpen=0.8,
    border=0.02,
    grid=0.0,
    width=3000,
    height=3000,
    spacing=0.139,
)
Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Shift:
    """How a stream differs from the reference's: another phantom section, plans changed, pixels changed.

    `scanner`, `view`: all pictures by that one; `prevalence`: of each finding; `pixels`: name of one of CHANGES and
    its strength.
    """

    scanner: str | None = None
    view: str | None = None
    prevalence: float | None = None
    pixels: tuple[str, float] | None = None


def _contrast(pixels: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return np.clip(np.rint(128 + (pixels - 128.0) * (1 - strength)), 0, 255).astype(np.uint8)


def _noise(pixels: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return np.clip(np.rint(pixels + random.normal(0, strength, pixels.shape)), 0, 255).astype(np.uint8)


def _blur(pixels: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return cv2.GaussianBlur(pixels, (0, 0), strength * pixels.shape[0] / 256)


def _invert(pixels: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    return 255 - pixels


CHANGES = {"contrast": _contrast, "noise": _noise, "blur": _blur, "invert": _invert}


def studies(model: Path, params: Phantom, parts: range, shift: Shift, cache: Path) -> pd.DataFrame:
    """The parts' studies in order, with the scoring log's columns, `patient` and `target_<label>` besides."""
    card = model_folder.read_card(model)
    missing = [part for part in parts if not _place(model, params, part, shift, cache).exists()]
    scored = map_ordered(partial(_scored, model, params, shift), missing, workers())
    for part, arrays in zip(missing, scored, strict=True):
        write_bytes(_place(model, params, part, shift, cache), pack_named(arrays))
        print(f"rendered and scored part {part} of {shift}", flush=True)
    return pd.concat(
        [_table(np.load(_place(model, params, part, shift, cache)), card) for part in parts], ignore_index=True
    )


def ready(model: Path, params: Phantom, shift: Shift, cache: Path, most: int) -> int:
    """How many parts from 0 on lie on disk already."""
    return next((k for k in range(most) if not _place(model, params, k, shift, cache).exists()), most)


def _place(model: Path, params: Phantom, part: int, shift: Shift, cache: Path) -> Path:
    code = code_version("stages/phantom", "cxr/imaging")
    key = json.dumps([model_folder.identity(model), params.model_dump(), _in_full(shift), code], sort_keys=True)
    return cache / hashlib.sha256(key.encode()).hexdigest()[:16] / f"{part:05d}.npz"


def _in_full(shift: Shift) -> str:
    """All of a shift that no code version covers."""
    return repr(shift) + (repr(SCANNERS[UNSEEN]) if shift.scanner == UNSEEN else "")


def _plans(params: Phantom, part: int, shift: Shift) -> Iterator[StudyPlan]:
    drawn = params if shift.prevalence is None else params.model_copy(update={"prevalence": shift.prevalence})
    for plan in plan_studies(drawn, studies=PART, first_patient=_FIRST + part * PART):
        yield replace(plan, scanner=shift.scanner or plan.scanner, view=shift.view or plan.view)


def _scored(model: Path, params: Phantom, shift: Shift, part: int) -> dict[str, np.ndarray]:
    """Render and score one part; columns as arrays."""
    net, random = Net(model), np.random.default_rng([part, 77])
    chain = net.card.preprocessing
    rows, inputs = [], []
    for plan in _plans(params, part, shift):
        pixels = render_study(plan, params.image_size, params.seed).pixels
        if shift.pixels:
            pixels = CHANGES[shift.pixels[0]](pixels, shift.pixels[1], random)
        decoded = Decoded(pixels, 8, "png")
        rows.append(
            (
                plan.patient,
                plan.view,
                image_id(decoded),
                list(describe(decoded).values()),
                [label in plan.labels for label in net.labels],
            )
        )
        inputs.append(apply(chain, decoded))
    answers = net.answers(np.stack(inputs))
    patient, view, ids, statistics, targets = zip(*rows, strict=True)
    return {
        "patient": np.array(patient),
        "view": np.array(view),
        "image_id": np.array(ids),
        "statistics": np.array(statistics, np.float32),
        "targets": np.array(targets, np.int8),
        "side": np.array(params.image_size),
        "features": answers.features,
        "logits": answers.logits,
    }


def _table(arrays: dict[str, np.ndarray], card: ModelCard) -> pd.DataFrame:
    probabilities = calibrated(arrays["logits"], card.calibration)
    table = pd.DataFrame(arrays["statistics"], columns=list(NAMES))
    for position, label in enumerate(card.labels):
        table[f"logit_{label}"] = arrays["logits"][:, position]
        table[f"probability_{label}"] = probabilities[:, position]
        table[f"target_{label}"] = arrays["targets"][:, position]
    return table.assign(
        image_id=arrays["image_id"],
        patient=arrays["patient"],
        view=arrays["view"],
        width=int(arrays["side"]),
        height=int(arrays["side"]),
        bit_depth=8,
        latency_ms=np.nan,
        features=list(arrays["features"]),
    )
