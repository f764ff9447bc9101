"""Which images a model has no answer for: they could never have been among those that it learned from.

Refused before the net sees them: a side of a few pixels, a strip, and a picture without a picture, black or white.
Of a set that is being made validation judges (`validate.min_side`, `validate.blank_std`); where these are known they
bound what is scored, else the least that any preset asks for does.
"""

from collections.abc import Collection
from dataclasses import dataclass

from cxr.imaging.decode import Decoded
from cxr.imaging.formats.undecodable import Undecodable
from cxr.imaging.levels import bits_of
from cxr.imaging.statistics import spread

REASONS = ("too_small", "extreme_aspect", "blank")
LEAST_SIDE = 8  # pixels; MNIST's images have 28, CIFAR's 32
BLANK_STD = 2.0  # grey levels of 255
MOST_ASPECT = 10.0  # longer side over shorter; a scanogram of the whole spine has about 4


@dataclass(frozen=True)
class Usable:
    """Least side (pixels) and least standard deviation (grey levels of 255) of an image that is scored."""

    min_side: int = LEAST_SIDE
    blank_std: float = BLANK_STD

    def refuse(self, decoded: Decoded, level_bits: Collection[int]) -> None:
        """Undecodable, with a word of REASONS, for an image that no model has an answer for.

        `level_bits`: the depths of the set that the model learned from, by which grey levels are scaled.
        """
        height, width = decoded.upright.shape[:2]
        if min(height, width) < self.min_side:
            raise Undecodable("too_small", f"{width} x {height} pixels; a side has at least {self.min_side}")
        if max(height, width) > MOST_ASPECT * min(height, width):
            raise Undecodable("extreme_aspect", f"{width} x {height} pixels; no radiograph is such a strip")
        if (found := spread(decoded, bits_of(decoded, level_bits))) < self.blank_std:
            why = f"grey levels hardly vary: standard deviation {found:.2f} of 255, less than {self.blank_std:g}"
            raise Undecodable("blank", why)


ANY_SET = Usable()  # where a model's set is not known
