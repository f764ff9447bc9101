"""What a process does with the images of one request: all of them by one model, the one in production now."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr.data.preprocessing_spec import Chain
from cxr.imaging.formats.undecodable import Undecodable
from serving.log.records import Scored
from serving.log.scoring_log import HTTP
from serving.predict.run import findings
from serving.score.model import in_use
from serving.score.score_images import ImageBounds, Study, answer, look, opened

_BLOCK = 1  # requests are small; the logits are the same in any block


@dataclass(frozen=True)
class Reply:
    """Model and version; for each image in order `image_id` and `findings`, or `error`; rows for the log, if any."""

    model: str
    version: str
    images: list[dict[str, Any]]
    scored: Scored | None


def work(production: Path, images: list[bytes], bounds: ImageBounds) -> Reply:
    """Score a request's images. Errors of the model folder are raised, an image's stand in its place."""
    model = in_use(production, _BLOCK)
    read = [_read(data, bounds, model.chain) for data in images]
    studies = [study for study in read if isinstance(study, Study)]
    scored = answer(model, studies) if studies else None
    rows = iter(scored.probabilities if scored else ())
    results = [
        {"image_id": study.image_id, "findings": findings(model.net.card, next(rows))}
        if isinstance(study, Study)
        else {"error": study}
        for study in read
    ]
    return Reply(model.release.identity, model.release.version, results, scored)


def warm(production: Path) -> None:
    """Open what is in production before the first request comes; slow enough for each process to get one."""
    in_use(production, _BLOCK)
    time.sleep(0.3)


def _read(data: bytes, bounds: ImageBounds, chain: Chain) -> Study | dict[str, str]:
    """One at a time: a request's images together might not fit into memory once they are decoded."""
    try:
        return look([opened(HTTP, data, "", chain, bounds)], chain)[0]
    except Undecodable as error:
        return {"reason": error.reason, "detail": error.detail}
