"""Which patient goes where: by a hash alone, so that adding patients moves nobody, or by the set's official lists."""

from collections.abc import Iterable

from cxr.params.schema import Split
from stages.ingest.patients import fraction

STRICTNESS = {"": 0, "train": 1, "validation": 2, "test": 3}


def split_of(rule: Split, patient: str, official: str, held_out: frozenset[str]) -> str:
    """The split, "train", "validation" or "test", of one image.

    `official`: what the set's lists or folders say of it ("" where nothing). `held_out`: patients of whom an image
    stands in an official validation folder; all that is theirs and not test goes there.
    """
    ratio = rule.ratio
    if rule.rule == "hash":
        u = fraction("split", rule.seed, patient)
        return "train" if u < ratio.train else "validation" if u < ratio.train + ratio.validation else "test"
    if official == "test":
        return "test"
    share = ratio.validation / ((ratio.train + ratio.validation) or 1.0)
    cut = fraction("split", rule.seed, patient) >= 1.0 - share
    return "validation" if cut or official == "validation" or patient in held_out else "train"


def in_gate(rule: Split, patient: str) -> bool:
    """Whether a validation patient is kept for promotion; a hash of its own decides."""
    return fraction("gate", rule.seed, patient) < rule.gate_fraction


def strictest(officials: Iterable[str]) -> str:
    """Of several official splits of one image the one that keeps the test set whole: test, validation, train."""
    return max(officials, key=STRICTNESS.__getitem__)
