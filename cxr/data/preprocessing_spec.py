"""The record of the preprocessing: what a model's card, the shards and a scoring process agree on.

Applying it is `cxr.imaging.preprocess`'s: whoever only hands the record on needs neither decoder nor OpenCV.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

ANY_DEPTH = (10, 12, 14, 16)  # where nothing is known of a set's 16-bit files, as it has none
FULL_RANGE = (16,)  # how 16-bit files were read before `level_bits` was recorded


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
    `channels`: 1 (grey) or 3 (RGB); `level_bits`: by how many bits the levels of 16-bit files are scaled, the smallest
    of these that holds the image (`cxr.imaging.levels`).
    """

    size: int
    clip_limit: float
    tiles: int
    channels: int
    level_bits: tuple[int, ...] = ANY_DEPTH

    @classmethod
    def from_params(cls, section: PreprocessSection, channels: int, level_bits: Sequence[int] = ()) -> "Chain":
        """The chain that the section `preprocess` of params.yaml asks for, for images of 1 or 3 channels.

        `level_bits`: the depths of the set's 16-bit files, none where it has no such files.
        """
        depths = tuple(level_bits) or ANY_DEPTH
        return cls(section.size, float(section.clahe.clip_limit), section.clahe.tiles, channels, depths)

    def to_dict(self) -> dict[str, Any]:
        """The parameters as they are written into JSON; `level_bits` of the full range stay unsaid, as they were."""
        said = {} if self.level_bits == FULL_RANGE else {"level_bits": list(self.level_bits)}
        return {name: value for name, value in asdict(self).items() if name != "level_bits"} | said

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Chain":
        """Read back what `to_dict` gave; ValueError names the keys that are missing or too many.

        Chains from before `level_bits` scaled every 16-bit file by the full range.
        """
        content = {"level_bits": FULL_RANGE, **content}
        names = {field.name for field in fields(cls)}
        if wrong := names ^ content.keys():
            raise ValueError(f"preprocessing: missing or unknown {', '.join(sorted(wrong))}; expected {sorted(names)}")
        if content["channels"] not in (1, 3):
            raise ValueError(f"preprocessing: channels must be 1 or 3 (got {content['channels']!r})")
        depths = tuple(map(int, content["level_bits"]))
        if not depths or not set(depths) <= {8, *ANY_DEPTH}:
            raise ValueError(f"preprocessing: level_bits must be among 8 to 16 (got {content['level_bits']!r})")
        size, clip_limit, tiles, channels = (content[name] for name in ("size", "clip_limit", "tiles", "channels"))
        return cls(int(size), float(clip_limit), int(tiles), int(channels), depths)
