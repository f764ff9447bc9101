"""What a process does with the images of one request: all of them by one model, the one in production now."""
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.images.decode import Undecodable
from stages.predict.run import findings
from stages.score.log import HTTP
from stages.score.model import InUse, in_use
from stages.score.study import Opened, Scored, Study, answer, look, opened

_BLOCK = 1  # requests are small; the logits are the same in any block


@dataclass(frozen=True)
class Reply:
    """Model and version; for each image in order `image_id` and `findings`, or `error`; rows for the log, if any."""

    model: str
    version: str
    images: list[dict[str, Any]]
    scored: Scored | None


def work(production: Path, images: list[bytes], max_pixels: int) -> Reply:
    """Score a request's images. Errors of the model folder are raised, an image's stand in its place."""
    model = in_use(production, _BLOCK)
    read = [_opened(data, max_pixels) for data in images]
    studies = look([image for image in read if isinstance(image, Opened)], model.chain)
    scored = answer(model, studies) if studies else None
    found = zip(studies, scored.probabilities if scored else (), strict=True)
    results = [_result(model, *next(found)) if isinstance(image, Opened) else {"error": image} for image in read]
    return Reply(model.release.identity, model.release.version, results, scored)


def warm(production: Path) -> None:
    """Open what is in production before the first request comes; slow enough for each process to get one."""
    in_use(production, _BLOCK)
    time.sleep(0.3)


def _opened(data: bytes, max_pixels: int) -> Opened | dict[str, str]:
    try:
        return opened(HTTP, data, "", max_pixels)
    except Undecodable as error:
        return {"reason": error.reason, "detail": error.detail}


def _result(model: InUse, study: Study, probabilities: np.ndarray) -> dict[str, Any]:
    return {"image_id": study.image_id, "findings": findings(model.net.card, probabilities)}
