"""Learning rates as functions of (step, history): nothing to remember, so nothing to lose in a kill."""

import math
from collections.abc import Sequence

from cxr.params.learning import Schedule

PLATEAU_EPOCHS, PLATEAU_FACTOR = 2, 0.3


def learning_rate(
    base: float, schedule: Schedule, step: int, steps_per_epoch: int, epochs: int, scores: Sequence[float]
) -> float:
    """Rate at a step: linear warm-up, then constant, cosine to zero, or cut after epochs without a better score."""
    warmup = schedule.warmup_epochs * steps_per_epoch
    if step < warmup:
        return base * (step + 1) / warmup
    if schedule.name == "cosine":
        progress = (step - warmup) / max(1.0, epochs * steps_per_epoch - warmup)
        return base * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return base * PLATEAU_FACTOR ** _cuts(scores) if schedule.name == "plateau" else base


def _cuts(scores: Sequence[float]) -> int:
    """How often the score (higher is better) stood still for PLATEAU_EPOCHS epochs."""
    best, waited, cuts = -math.inf, 0, 0
    for score in scores:
        waited = 0 if score > best else waited + 1
        best = max(best, score)
        if waited == PLATEAU_EPOCHS:
            cuts, waited = cuts + 1, 0
    return cuts
