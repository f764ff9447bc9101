"""What stands in the scoring log, in memory: studies that were scored, and files that were not."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np


@dataclass(frozen=True)
class Scored:
    """Studies that one model answered at once, and which model it was.

    `statistics` float32 (n, figures), `features` float32 (n, k), `logits` float32 and `probabilities` float64
    (n, labels), `latency_ms` float32 (n): from bytes to the net's input, and a place's share of the net's time (a block
    has as many places however many studies are in it).
    """

    model: str
    version: str
    labels: tuple[str, ...]
    at: datetime
    studies: tuple[tuple[str, str, int, int, int], ...]  # source, image_id, width, height, bit depth
    statistics: np.ndarray
    features: np.ndarray
    logits: np.ndarray
    probabilities: np.ndarray
    latency_ms: np.ndarray


@dataclass(frozen=True)
class RefusedFile:
    """A file that is not scored: `source`, SHA-256 of its bytes ("" where not read), reason, what was found."""

    source: str
    sha256: str
    reason: str
    detail: str
