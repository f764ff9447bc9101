"""What a process does with a batch: the files are read, decoded, scored by one model; bad ones come back by name."""
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cxr.core.errors import UserError
from cxr.data.preprocessing_spec import Chain
from cxr.imaging.decode import Undecodable
from serving.log.records import RefusedFile, Scored
from serving.score.files import Place
from serving.score.model import in_use
from serving.score.score_images import Opened, Study, answer, look, opened

CRASHED = "decoder_crashed"
_HELD_BYTES = 1 << 20  # of decoded images, before they are looked at: more would leave the processor's cache


@dataclass(frozen=True)
class ScoringOrder:
    """A batch: files, what is in production, and the bound on an image's pixels."""

    production: Path
    places: tuple[Place, ...]
    max_pixels: int


@dataclass
class Outcome:
    """What came of an order: scores (None where no file was sound) and files refused."""

    scored: Scored | None = None
    refused: list[RefusedFile] = field(default_factory=list)


def work(order: ScoringOrder) -> Outcome:
    """Score a batch with what is in production now. Errors of the model folder are raised, a file's are noted."""
    model = in_use(order.production)
    studies, refused = read(order.places, model.chain, order.max_pixels)
    return Outcome(answer(model, studies) if studies else None, refused)


def read(places: Iterable[Place], chain: Chain, max_pixels: int) -> tuple[list[Study], list[RefusedFile]]:
    """Files that are sound, as studies, and the others; no more than some decoded images are held at once."""
    studies, refused, held = list[Study](), list[RefusedFile](), list[Opened]()
    for place in places:
        image = _opened(place, max_pixels)
        if isinstance(image, RefusedFile):
            refused.append(image)
            continue
        held.append(image)
        del image  # a large one is let go before the next is decoded
        if sum(each.decoded.pixels.nbytes for each in held) > _HELD_BYTES:
            studies += look(held, chain)
            held = []
    return studies + look(held, chain), refused


def _opened(place: Place, max_pixels: int) -> Opened | RefusedFile:
    data = b""
    try:
        data = place.location.read()
        return opened(place.source, data, place.suffix, max_pixels)
    except Undecodable as error:
        return RefusedFile(place.source, hashlib.sha256(data).hexdigest(), error.reason, error.detail)
    except OSError as error:
        return RefusedFile(place.source, "", "unreadable", error.strerror or "it can't be read")
    except UserError:
        return RefusedFile(place.source, "", "unreadable", "it changed while it was read")
