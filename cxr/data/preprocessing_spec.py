"""The record of the preprocessing: what a model's card, the shards and a scoring process agree on.

Applying it is `cxr.imaging.preprocess`'s: whoever only hands the record on needs neither decoder nor OpenCV.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol


class PreprocessSection(Protocol):
    """What of the section `preprocess` of params.yaml decides pixels."""

    @property
    def size(self) -> int:
        """Side of the result in pixels."""

    @property
    def clahe(self) -> Any:
        """`clip_limit` and `tiles`, see Chain."""


@dataclass(frozen=True)
class Chain:
    """Parameters of the preprocessing; they are recorded in `data/processed/chain.json` and in each model's card.

    `size`: side in pixels; `clip_limit`: CLAHE's, 0 leaves it out; `tiles`: CLAHE's grid is tiles x tiles;
    `channels`: 1 (grey) or 3 (RGB).
    """

    size: int
    clip_limit: float
    tiles: int
    channels: int

    @classmethod
    def from_params(cls, section: PreprocessSection, channels: int) -> "Chain":
        """The chain that the section `preprocess` of params.yaml asks for, for images of 1 or 3 channels."""
        return cls(section.size, float(section.clahe.clip_limit), section.clahe.tiles, channels)

    def to_dict(self) -> dict[str, Any]:
        """The parameters as they are written into JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Chain":
        """Read back what `to_dict` gave; ValueError names the keys that are missing or too many."""
        names = {field.name for field in fields(cls)}
        if wrong := names ^ content.keys():
            raise ValueError(f"preprocessing: missing or unknown {', '.join(sorted(wrong))}; expected {sorted(names)}")
        if content["channels"] not in (1, 3):
            raise ValueError(f"preprocessing: channels must be 1 or 3 (got {content['channels']!r})")
        return cls(int(content["size"]), float(content["clip_limit"]), int(content["tiles"]), int(content["channels"]))
