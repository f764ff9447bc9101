"""What a process does with a batch: the files are read, decoded, scored by one model; bad ones come back by name."""
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from stages.entry import StageError
from stages.images.decode import Undecodable
from stages.score.model import InUse, in_use
from stages.score.places import Place, Refused
from stages.score.study import Scored, Study, answer, look

CRASHED = "decoder_crashed"


@dataclass(frozen=True)
class Order:
    """A batch: files, what is in production, and the bounds."""

    production: Path
    places: tuple[Place, ...]
    max_bytes: int
    max_pixels: int


@dataclass
class Outcome:
    """What came of an order: scores (None where no file was sound) and files refused."""

    scored: Scored | None = None
    refused: list[Refused] = field(default_factory=list)


def work(order: Order) -> Outcome:
    """Score a batch with what is in production now. Errors of the model folder are raised, a file's are noted."""
    model, outcome, studies = in_use(order.production), Outcome(), []
    for place in order.places:
        read = _study(place, order, model)
        if isinstance(read, Refused):
            outcome.refused.append(read)
        else:
            studies.append(read)
    if studies:
        outcome.scored = answer(model, studies)
    return outcome


def _study(place: Place, order: Order, model: InUse) -> Study | Refused:
    data = b""
    try:
        data = place.location.read(order.max_bytes)
        return look(place.source, data, place.suffix, model.chain, order.max_pixels)
    except Undecodable as error:
        return Refused(place.source, hashlib.sha256(data).hexdigest(), error.reason, error.detail)
    except OSError as error:
        return Refused(place.source, "", "unreadable", error.strerror or "it can't be read")
    except StageError:
        return Refused(place.source, "", "unreadable", "it changed while it was read")
