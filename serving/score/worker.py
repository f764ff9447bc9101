"""What a process does with a batch: the files are read, decoded, scored by one model; bad ones come back by name."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cxr.core.errors import UserError
from cxr.data.preprocessing_spec import Chain
from cxr.imaging.formats.undecodable import Undecodable
from cxr.runtime.process_pool import Lost
from serving.log.records import RefusedFile, Scored
from serving.score.files import ImageFile
from serving.score.model import in_use
from serving.score.score_images import ImageBounds, Opened, Study, answer, look, opened

LOST = {Lost.KILLED: "decoder_crashed", Lost.TOO_SLOW: "too_slow"}
_HELD_BYTES = 1 << 20  # of decoded images, before they are looked at: more would leave the processor's cache


@dataclass(frozen=True)
class ScoringOrder:
    """A batch: files, what is in production, what an image may be, and whether the files' SHA-256 are asked for."""

    production: Path
    files: tuple[ImageFile, ...]
    bounds: ImageBounds
    hashed: bool = False


@dataclass
class Outcome:
    """What came of an order: scores (None where no file was sound), files refused, and by source the SHA-256 of those
    read, where it was asked for."""

    scored: Scored | None = None
    refused: list[RefusedFile] = field(default_factory=list)
    hashes: dict[str, str] = field(default_factory=dict)


def work(order: ScoringOrder) -> Outcome:
    """Score a batch with what is in production now. Errors of the model folder are raised, a file's are noted."""
    model = in_use(order.production)
    hashes: dict[str, str] | None = {} if order.hashed else None
    studies, refused = read(order.files, model.chain, order.bounds, hashes)
    return Outcome(answer(model, studies) if studies else None, refused, hashes or {})


def read(
    files: Iterable[ImageFile], chain: Chain, bounds: ImageBounds, hashes: dict[str, str] | None = None
) -> tuple[list[Study], list[RefusedFile]]:
    """Files that are sound, as studies, and the others; no more than some decoded images are held at once.

    `hashes` takes the SHA-256 of each file that was read, by its source.
    """
    studies, refused, held = list[Study](), list[RefusedFile](), list[Opened]()
    for file in files:
        image = _opened(file, chain, bounds, hashes)
        if isinstance(image, RefusedFile):
            refused.append(image)
            continue
        held.append(image)
        del image  # a large one is let go before the next is decoded
        if sum(each.decoded.pixels.nbytes for each in held) > _HELD_BYTES:
            studies += look(held, chain)
            held = []
    return studies + look(held, chain), refused


def _opened(file: ImageFile, chain: Chain, bounds: ImageBounds, hashes: dict[str, str] | None) -> Opened | RefusedFile:
    data = b""
    try:
        data = file.location.read()
        if hashes is not None:
            hashes[file.source] = hashlib.sha256(data).hexdigest()
        return opened(file.source, data, file.suffix, chain, bounds)
    except Undecodable as error:
        return RefusedFile(file.source, hashlib.sha256(data).hexdigest(), error.reason, error.detail)
    except OSError as error:
        return RefusedFile(file.source, "", "unreadable", error.strerror or "it can't be read")
    except UserError:
        return RefusedFile(file.source, "", "unreadable", "it changed while it was read")
