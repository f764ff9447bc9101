"""What beside the file decides how its pixels are read, the depths of its set; and what turns its boxes."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cxr.data.manifest import Manifest
from cxr.data.preprocessing_spec import ANY_DEPTH
from cxr.imaging import levels
from cxr.imaging.formats import exif
from cxr.raw.layouts.base import ReferenceBox
from stages.ingest.facts import Fact
from stages.ingest.merge import Candidate


def depths_of(kept: Sequence[Candidate]) -> tuple[int, ...]:
    """The depths of the set's 16-bit files that do not themselves say how many bits count."""
    facts = [each.fact for each in kept]
    return levels.of_set([fact.depths[0] for fact in facts if fact.stored_bits > 8 and not fact.by_sbit])


def bits_of(fact: Fact, depths: Sequence[int]) -> int:
    """The bits by which an image of a set of these depths is scaled."""
    return levels.chosen(fact.depths, depths or ANY_DEPTH)


def upright_box(box: ReferenceBox, fact: Fact) -> ReferenceBox:
    """A box, which the source gives in the pixels as stored, in the upright image."""
    if fact.orientation == exif.UPRIGHT:
        return box
    sides = box.x, box.y, box.w, box.h
    return ReferenceBox(box.label, *exif.upright_box(*sides, fact.orientation, fact.width, fact.height))


def counts(manifest: Manifest, candidates: Sequence[Candidate]) -> dict[str, Any]:
    """For data/ingest.json: depths of the set and images by bits; rows (merged ones too) by EXIF's number but 1."""
    images = Counter(map(int, manifest.table["bit_depth"]))
    numbers = Counter(each.fact.orientation for each in candidates)
    return {
        "grey_levels": {
            "depths_of_16_bit_files": list(manifest.head.level_bits),
            "images": {str(bits): count for bits, count in sorted(images.items())},
        },
        "exif_orientations": {
            str(number): count for number, count in sorted(numbers.items()) if number != exif.UPRIGHT
        },
    }
